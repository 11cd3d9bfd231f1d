import {
  parseInterfaces,
  parsePortList,
  parsePorts,
  parseRangeList,
  parseRanges,
  type ScopeResult,
} from '../agent/interception-scope.ts';
import type { Labels } from '../model/object.ts';
import { annotationField, type InjectProblem } from './problem.ts';
import { isCpu, isImage, isMemory } from './quantities.ts';
import type { InjectSettings, ProxyLogLevel, Quantities } from './settings.ts';
import type { InjectTemplate } from './template.ts';

/** What holds for the sidecar of one pod: the settings, with the pod's annotations laid over them. */
export interface ProxyOptions {
  /** `none`: the app itself connects to the sidecar, nothing is intercepted. */
  readonly intercept: boolean;
  readonly native: boolean;
  readonly rewriteProbes: boolean;
  readonly image: string;
  readonly logLevel: ProxyLogLevel;
  readonly requests: Quantities;
  readonly limits: Quantities;
  readonly traffic: TrafficOptions;
}

/** Ports, ranges and interfaces as the init container's flags have them: checked lists, put together again. */
export interface TrafficOptions {
  readonly includeInboundPorts: string;
  readonly excludeInboundPorts: string;
  readonly includeOutboundPorts: string;
  readonly excludeOutboundPorts: string;
  readonly includeOutboundRanges: string;
  readonly excludeOutboundRanges: string;
  readonly excludeInterfaces: string;
}

export interface ReadOptions {
  readonly options: ProxyOptions;
  readonly problems: readonly InjectProblem[];
  readonly warnings: readonly string[];
}

const prefix = 'sidecar.istio.io/';
const traffic = 'traffic.sidecar.istio.io/';

/** Annotations that change what a sidecar is elsewhere and change nothing here: said, so that nobody relies on them. */
const withoutEffect: readonly string[] = [
  'proxy.istio.io/config',
  'proxy.istio.io/overrides',
  'status.sidecar.istio.io/port',
  `${traffic}kubevirtInterfaces`,
  ...['bootstrapOverride', 'componentLogLevel', 'agentLogLevel', 'userVolume', 'userVolumeMount'].map(
    (name) => prefix + name,
  ),
  ...['capNetBindService', 'statsInclusionPrefixes', 'statsInclusionRegexps', 'extraStatTags'].map(
    (name) => prefix + name,
  ),
];

/** What makes sense beside an app only. */
const forSidecars: readonly string[] = [
  ...['nativeSidecar', 'rewriteAppHTTPProbers', 'interceptionMode'].map((name) => prefix + name),
  ...['includeInboundPorts', 'excludeInboundPorts', 'includeOutboundPorts', 'excludeOutboundPorts'].map(
    (name) => traffic + name,
  ),
  ...['includeOutboundIPRanges', 'excludeOutboundIPRanges', 'excludeInterfaces'].map((name) => traffic + name),
];

/** Reads a pod's annotations. A value that can't be read is a problem, never a default: the author meant something by it. */
export function readProxyOptions(
  annotations: Labels,
  settings: InjectSettings,
  template: InjectTemplate = 'sidecar',
): ReadOptions {
  return template === 'gateway' ? readGatewayOptions(annotations, settings) : readSidecarOptions(annotations, settings);
}

/** Nothing comes to a gateway but what is sent to it, and no app shares its pod. */
function readGatewayOptions(annotations: Labels, settings: InjectSettings): ReadOptions {
  const own = Object.fromEntries(Object.entries(annotations).filter(([name]) => !forSidecars.includes(name)));
  const read = readSidecarOptions(own, { ...settings, nativeSidecars: true });
  const image = own[`${prefix}proxyImage`] === undefined ? settings.classicProxyImage : read.options.image;
  return {
    options: { ...read.options, image, intercept: false, native: false, rewriteProbes: false },
    problems: read.problems,
    warnings: [...read.warnings, ...ineffective(forSidecars, annotations, 'on a gateway')],
  };
}

function ineffective(names: readonly string[], annotations: Labels, where: string): readonly string[] {
  return names
    .filter((name) => annotations[name] !== undefined)
    .map((name) => `annotation ${name} has no effect ${where}`);
}

function readSidecarOptions(annotations: Labels, settings: InjectSettings): ReadOptions {
  const reader = new Reader(annotations);
  const native = reader.flag('nativeSidecar') ?? settings.nativeSidecars;
  const image = reader.image() ?? (native ? settings.proxyImage : settings.classicProxyImage);
  if (!native && /(^|[:/-])distroless/.test(image)) {
    reader.problem(
      `${prefix}proxyImage`,
      `${JSON.stringify(image)} has no shell, which the hooks of a sidecar that is an ordinary container need`,
      `name an image with bash, such as ${settings.classicProxyImage}, or set ${prefix}nativeSidecar: "true"`,
    );
  }
  const options: ProxyOptions = {
    intercept: reader.intercept(),
    native,
    rewriteProbes: reader.flag('rewriteAppHTTPProbers') ?? settings.rewriteProbes,
    image,
    logLevel: reader.logLevel() ?? settings.logLevel,
    ...reader.resources(settings),
    traffic: {
      includeInboundPorts: reader.scope('includeInboundPorts', parsePorts, '*'),
      excludeInboundPorts: reader.scope('excludeInboundPorts', parsePortList),
      includeOutboundPorts: reader.scope('includeOutboundPorts', parsePorts),
      excludeOutboundPorts: reader.scope('excludeOutboundPorts', parsePortList),
      includeOutboundRanges: reader.scope('includeOutboundIPRanges', parseRanges, '*'),
      excludeOutboundRanges: reader.scope('excludeOutboundIPRanges', parseRangeList),
      excludeInterfaces: reader.scope('excludeInterfaces', parseInterfaces),
    },
  };
  return { options, problems: reader.problems, warnings: ineffective(withoutEffect, annotations, 'here') };
}

class Reader {
  readonly problems: InjectProblem[] = [];
  readonly #annotations: Labels;

  constructor(annotations: Labels) {
    this.#annotations = annotations;
  }

  problem(name: string, message: string, hint: string): void {
    this.problems.push({ field: annotationField(name), message, hint });
  }

  flag(name: string): boolean | undefined {
    const text = this.#annotations[prefix + name];
    if (text === undefined) return undefined;
    if (text === 'true' || text === 'false') return text === 'true';
    this.problem(
      prefix + name,
      `${JSON.stringify(text)} is neither "true" nor "false"`,
      'write one of the two, in quotes',
    );
    return undefined;
  }

  intercept(): boolean {
    const name = `${prefix}interceptionMode`;
    const text = this.#annotations[name] ?? 'REDIRECT';
    if (text === 'REDIRECT' || text === 'NONE') return text === 'REDIRECT';
    const known = text === 'TPROXY';
    this.problem(
      name,
      known ? 'TPROXY is not supported' : `${JSON.stringify(text)} is no interception mode`,
      known ? 'use REDIRECT: policies see the address of the caller in either mode' : 'use REDIRECT or NONE',
    );
    return true;
  }

  image(): string | undefined {
    const name = `${prefix}proxyImage`;
    const text = this.#annotations[name];
    if (text === undefined || isImage(text)) return text;
    this.problem(name, `${JSON.stringify(text)} is no image reference`, 'write repository:tag or repository@digest');
    return undefined;
  }

  logLevel(): ProxyLogLevel | undefined {
    const name = `${prefix}logLevel`;
    const text = this.#annotations[name];
    switch (text) {
      case undefined:
        return undefined;
      case 'trace':
      case 'debug':
      case 'info':
      case 'warning':
      case 'error':
      case 'critical':
      case 'off':
        return text;
      case 'warn':
        return 'warning';
      default:
        this.problem(
          name,
          `${JSON.stringify(text)} is no log level`,
          'use trace, debug, info, warning, error, critical or off',
        );
        return undefined;
    }
  }

  /** Whoever names a request or a limit decides both for that resource: a default limit below a named request can't run. */
  resources(settings: InjectSettings): { readonly requests: Quantities; readonly limits: Quantities } {
    const cpu = { request: this.#quantity('proxyCPU', isCpu), limit: this.#quantity('proxyCPULimit', isCpu) };
    const memory = {
      request: this.#quantity('proxyMemory', isMemory),
      limit: this.#quantity('proxyMemoryLimit', isMemory),
    };
    const own = (pair: { readonly request?: string | undefined; readonly limit?: string | undefined }): boolean =>
      pair.request !== undefined || pair.limit !== undefined;
    const [cpuRequest, cpuLimit] = own(cpu) ? [cpu.request, cpu.limit] : [settings.requests.cpu, settings.limits.cpu];
    const [memoryRequest, memoryLimit] = own(memory)
      ? [memory.request, memory.limit]
      : [settings.requests.memory, settings.limits.memory];
    return { requests: quantities(cpuRequest, memoryRequest), limits: quantities(cpuLimit, memoryLimit) };
  }

  #quantity(name: string, good: (text: string) => boolean): string | undefined {
    const text = this.#annotations[prefix + name];
    if (text === undefined || good(text)) return text;
    const example = name.startsWith('proxyCPU') ? '100m or 0.5' : '128Mi or 1G';
    this.problem(prefix + name, `${JSON.stringify(text)} is no quantity`, `write it as ${example}`);
    return undefined;
  }

  scope(name: string, parse: (text: string) => ScopeResult<readonly string[] | '*'>, unset = ''): string {
    const text = this.#annotations[traffic + name];
    if (text === undefined) return unset;
    const result = parse(text);
    if (result.ok) return result.value === '*' ? '*' : result.value.join(',');
    this.problem(traffic + name, result.error, 'write a list with commas between its items');
    return unset;
  }
}

function quantities(cpu: string | undefined, memory: string | undefined): Quantities {
  return { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) };
}
