import { appProbePort } from '../agent/app-probe.ts';
import { sidecarPorts } from '../agent/ports.ts';
import { proxyId } from '../agent/proxy-id.ts';
import { isRecord } from '../lib/is-record.ts';
import { type JsonObject, objectIn, objectsIn, textIn, textsIn } from '../lib/json-fields.ts';
import { type DecisionInput, decide } from './decision.ts';
import { addGateway, gatewayProblems } from './gateway.ts';
import { initContainer } from './init-container.ts';
import { withField } from './json.ts';
import { injectedMetadata } from './metadata.ts';
import { initContainerName, proxyContainerName, volumeNames } from './names.ts';
import { rewriteProbes } from './probes.ts';
import type { InjectProblem } from './problem.ts';
import { proxyContainer } from './proxy-container.ts';
import { type ProxyOptions, readProxyOptions } from './proxy-options.ts';
import type { InjectSettings } from './settings.ts';
import { statusText, stripInjected } from './strip.ts';
import { chooseTemplate, type InjectTemplate } from './template.ts';
import { volumes } from './volumes.ts';

/** A pod, or the pod template of a workload. */
export interface InjectRequest {
  /** `metadata` of the pod as it came; absent in templates that have none. */
  readonly metadata: unknown;
  readonly spec: unknown;
  /** The namespace that the pod is made in; '' where it isn't known. */
  readonly namespace: string;
  readonly policy: DecisionInput['policy'];
  /** Name of the workload whose template this is. */
  readonly workloadName?: string;
}

/** `refused`: the pod asks for what can't be given; making it without a sidecar would open it to plaintext. */
export type InjectResult =
  | {
      readonly kind: 'injected';
      readonly metadata: JsonObject;
      readonly spec: JsonObject;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'skipped'; readonly reason: string; readonly warnings: readonly string[] }
  | { readonly kind: 'refused'; readonly problems: readonly [InjectProblem, ...InjectProblem[]] };

/**
 * Adds the sidecar to a pod, or makes a gateway of it, or says why not. One pure function for the webhook, `kube-inject` and the sandbox; what it
 * doesn't know in a pod stays as it is, and what it made before it makes again (behaviour.md 9.3 to 9.5).
 */
export function inject(request: InjectRequest, settings: InjectSettings): InjectResult {
  const metadata = request.metadata ?? {};
  if (!isRecord(metadata)) return refused('metadata', 'is not an object');
  if (!isRecord(request.spec)) return refused('spec', 'is not an object', 'a pod has a spec with containers');
  const { labels, annotations } = {
    labels: textsIn(metadata, 'labels'),
    annotations: textsIn(metadata, 'annotations'),
  };
  const { namespace, policy } = request;
  const decision = decide({ namespace, policy, labels, annotations, spec: request.spec, revision: settings.revision });
  if (!decision.inject) return { kind: 'skipped', reason: decision.reason, warnings: decision.warnings };

  const choice = chooseTemplate(annotations);
  if (!choice.ok) return { kind: 'refused', problems: [choice.problem] };
  const { template } = choice;
  const bare = stripInjected(metadata, request.spec, template);
  const { options, problems, warnings } = readProxyOptions(annotations, settings, template);
  const [first, ...more] = [...shapeProblems(bare, template), ...problems];
  if (first !== undefined) return { kind: 'refused', problems: [first, ...more] };

  const changed = template === 'gateway' ? addGateway(bare, options, settings) : addSidecar(bare, options, settings);
  const added = volumes();
  const status = statusText({
    initContainers: changed.initContainers,
    containers: changed.containers,
    volumes: added.map((each) => textIn(each, 'name')),
    imagePullSecrets: [],
    revision: settings.revision,
  });
  return {
    kind: 'injected',
    metadata: injectedMetadata(metadata, bare, {
      status,
      revision: settings.revision,
      takesMtls: changed.takesMtls,
      workloadName: request.workloadName,
    }),
    spec: withField(changed.spec, 'volumes', [...listIn(changed.spec, 'volumes'), ...added]),
    warnings: [...decision.warnings, ...warnings, ...changed.warnings],
  };
}

/** A pod with its proxy, whose volumes are still to come. */
interface WithProxy {
  readonly spec: JsonObject;
  /** Names of what was added, for the pod's own record. */
  readonly initContainers: readonly string[];
  readonly containers: readonly string[];
  readonly takesMtls: boolean;
  readonly warnings: readonly string[];
}

function addSidecar(bare: JsonObject, options: ProxyOptions, settings: InjectSettings): WithProxy {
  /** Does anything that comes in meet the sidecar? */
  const inbound = options.intercept && options.traffic.includeInboundPorts !== '';
  const rewritten = options.rewriteProbes && inbound ? rewriteProbes(bare) : { spec: bare, probes: {}, warnings: [] };
  const init = initContainer('sidecar', options, rewritten.probes, settings);
  const proxy = proxyContainer(options, settings);
  const spec = prepended(rewritten.spec, 'initContainers', options.native ? [init, proxy] : [init]);
  return {
    spec: options.native ? spec : prepended(spec, 'containers', [proxy]),
    initContainers: options.native ? [initContainerName, proxyContainerName] : [initContainerName],
    containers: options.native ? [] : [proxyContainerName],
    takesMtls: inbound,
    warnings: [...rewritten.warnings, ...risks(bare, options)],
  };
}

/** What stands in the way of two more containers and four more volumes. */
function shapeProblems(spec: JsonObject, template: InjectTemplate): readonly InjectProblem[] {
  const problems: InjectProblem[] = [];
  /** A gateway's `istio-proxy` is its author's. */
  const ours = (field: string): readonly string[] =>
    template === 'gateway' && field === 'containers' ? [initContainerName] : [initContainerName, proxyContainerName];
  if (objectsIn(spec, 'containers').length === 0)
    problems.push({ field: 'spec.containers', message: 'there are none', hint: 'add at least one container' });
  else if (template === 'gateway') problems.push(...gatewayProblems(spec));
  for (const field of ['initContainers', 'containers']) {
    for (const [index, container] of listIn(spec, field).entries()) {
      const name = isRecord(container) ? textIn(container, 'name') : '';
      if (!ours(field).includes(name)) continue;
      problems.push({
        field: `spec.${field}[${index}].name`,
        message: `the pod has a container ${name} of its own`,
        hint: 'give it another name: that one belongs to the sidecar',
      });
    }
  }
  const taken: readonly string[] = Object.values(volumeNames);
  for (const [index, volume] of listIn(spec, 'volumes').entries()) {
    const name = isRecord(volume) ? textIn(volume, 'name') : '';
    if (!taken.includes(name)) continue;
    problems.push({
      field: `spec.volumes[${index}].name`,
      message: `the pod has a volume ${name} of its own`,
      hint: 'give it another name: that one belongs to the sidecar',
    });
  }
  return problems;
}

/** Legal, and likely not what was meant. */
function risks(
  spec: JsonObject,
  options: { readonly native: boolean; readonly intercept: boolean },
): readonly string[] {
  const warnings: string[] = [];
  const reserved: readonly number[] = [15001, 15006, appProbePort, ...Object.values(sidecarPorts)];
  const pod = objectIn(spec, 'securityContext');
  const sidecars = objectsIn(spec, 'initContainers').filter((each) => each['restartPolicy'] === 'Always');
  const ours: readonly string[] = [volumeNames.envoy, volumeNames.token];
  for (const container of [...sidecars, ...objectsIn(spec, 'containers')]) {
    const name = textIn(container, 'name');
    const own = objectIn(container, 'securityContext');
    const ids = [own['runAsUser'] ?? pod['runAsUser'], own['runAsGroup'] ?? pod['runAsGroup']];
    if (options.intercept && ids.includes(proxyId))
      warnings.push(`container ${name} runs as ${proxyId}, the sidecar's own id: its connections bypass the sidecar`);
    for (const mounted of objectsIn(container, 'volumeMounts').map((each) => textIn(each, 'name')))
      if (ours.includes(mounted))
        warnings.push(`container ${name} mounts volume ${mounted}, which belongs to the sidecar`);
    for (const port of objectsIn(container, 'ports').map((each) => each['containerPort']))
      if (typeof port === 'number' && reserved.includes(port))
        warnings.push(`container ${name} has port ${port}, which belongs to the sidecar`);
  }
  const ends = spec['restartPolicy'] === 'Never' || spec['restartPolicy'] === 'OnFailure';
  if (!options.native && ends)
    warnings.push('the pod never completes: its sidecar is an ordinary container and keeps running');
  return warnings;
}

function listIn(spec: JsonObject, field: string): readonly unknown[] {
  const value = spec[field];
  return Array.isArray(value) ? value : [];
}

function prepended(spec: JsonObject, field: string, containers: readonly JsonObject[]): JsonObject {
  return withField(spec, field, [...containers, ...listIn(spec, field)]);
}

function refused(field: string, message: string, hint = ''): InjectResult {
  return { kind: 'refused', problems: [{ field, message, hint }] };
}
