import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { PodBootstrap } from '../agent/bootstrap-files.ts';
import { defaultInterception, type Interception, interceptionRules } from '../agent/interception.ts';
import {
  parseInterfaces,
  parsePortList,
  parsePorts,
  parseRangeList,
  parseRanges,
  type ScopeResult,
} from '../agent/interception-scope.ts';
import { podPaths } from '../inject/names.ts';
import { MeshError } from '../lib/errors.ts';
import { controlPlanePorts } from '../model/control-plane-ports.ts';
import { defaultMesh } from '../model/mesh.ts';
import type { ProxyKind } from '../model/proxy.ts';
import type { CliContext } from './context.ts';

interface Flags {
  readonly output: string;
  readonly kind: ProxyKind;
  readonly interceptionMode: 'REDIRECT' | 'NONE';
  readonly includeInboundPorts: Interception['inboundPorts'];
  readonly excludeInboundPorts: readonly string[];
  readonly includeOutboundPorts: Interception['inboundPorts'];
  readonly excludeOutboundPorts: readonly string[];
  readonly includeOutboundRanges: Interception['outboundRanges'];
  readonly excludeOutboundRanges: readonly string[];
  readonly excludeInterfaces: readonly string[];
  readonly name?: string;
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly ip: readonly string[];
  readonly labelsFile: string;
  readonly clusterId: string;
  readonly dnsDomain: string;
  readonly rootNamespace: string;
  readonly xds?: string;
  readonly xdsName?: string;
  readonly tokenFile: string;
  readonly rootFile: string;
  readonly stats: 'full' | 'trimmed';
  readonly dryRun?: true;
}

const example = `
Example, as the init container of an injected pod has it:
  POD_NAME=web-1 POD_NAMESPACE=shop POD_IPS=10.244.0.7 SERVICE_ACCOUNT=web \\
    coxswain init --output /etc/istio/proxy --exclude-inbound-ports=9100 --dry-run`;

/**
 * `coxswain init`: makes one pod ready for its sidecar. Runs in the pod's network namespace, before Envoy and the app: loads the
 * interception rules and writes Envoy's bootstrap. The token and the mesh root need not be there yet.
 */
export function initCommand(context: CliContext): Command {
  const { env } = context;
  return new Command('init')
    .option('--output <dir>', 'folder for envoy.json and the files beside it', podPaths.envoy)
    .option('--dry-run', 'print rules and bootstrap; change nothing')
    .addOption(
      new Option('--kind <kind>', 'what the Envoy is; a router stands alone, with --interception-mode NONE')
        .choices(['sidecar', 'router'])
        .default('sidecar'),
    )
    .addOption(
      new Option('--interception-mode <mode>', 'NONE loads no rules').choices(['REDIRECT', 'NONE']).default('REDIRECT'),
    )
    .option('--include-inbound-ports <ports>', 'ports whose callers meet the sidecar', scope(parsePorts), '*')
    .option('--exclude-inbound-ports <ports>', "ports left alone, with the sidecar's own", scope(parsePortList), [])
    .option('--include-outbound-ports <ports>', 'remote ports captured whatever the address', scope(parsePorts), [])
    .option('--exclude-outbound-ports <ports>', 'remote ports left alone', scope(parsePortList), [])
    .option('--include-outbound-ranges <cidrs>', 'remote addresses that are captured', scope(parseRanges), '*')
    .option('--exclude-outbound-ranges <cidrs>', 'remote addresses left alone', scope(parseRangeList), [])
    .option('--exclude-interfaces <names>', 'network interfaces left alone', scope(parseInterfaces), [])
    .option('--name <name>', 'name of the pod (POD_NAME)')
    .option('--namespace <namespace>', 'its namespace (POD_NAMESPACE)')
    .option('--service-account <account>', 'its service account (SERVICE_ACCOUNT)')
    .option('--ip <address>', 'an address of the pod, may be repeated (POD_IPS, with commas)', addressValue, [])
    .option('--labels-file <file>', "the pod's labels, as the downward API writes them", podPaths.labels)
    .option('--cluster-id <id>', 'the cluster it belongs to', 'Kubernetes')
    .option('--dns-domain <domain>', 'domain of the cluster', 'cluster.local')
    .option('--root-namespace <namespace>', 'namespace of the control plane', defaultMesh.rootNamespace)
    .option('--xds <host:port>', 'the control plane; default coxswain.<root namespace>.svc:15012')
    .option('--xds-name <name>', "name in the control plane's certificate; default coxswain.<root namespace>.svc")
    .option('--token-file <file>', 'the token that proves who the pod is', podPaths.token)
    .option('--root-file <file>', 'the mesh root', podPaths.root)
    .addOption(
      new Option('--stats <amount>', 'which statistics Envoy keeps').choices(['trimmed', 'full']).default('trimmed'),
    )
    .addHelpText('after', example)
    .action(async (flags: Flags) => {
      if (flags.kind === 'router' && flags.interceptionMode !== 'NONE')
        throw new MeshError('bad-argument', 'a router intercepts nothing', { hint: 'add --interception-mode NONE' });
      const { appProbePort, appProbesVariable, parseAppProbes } = await import('../agent/app-probe.ts');
      const probes = parseAppProbes(env[appProbesVariable] ?? '{}');
      const pod = await podBootstrap(flags, env, probes);
      const rules =
        flags.interceptionMode === 'NONE' ? undefined : interception(flags, probes.length > 0 ? [appProbePort] : []);
      if (flags.dryRun === true) return context.stdout(await dryRun(pod, rules));
      if (rules === undefined) context.stderr('coxswain: nothing is intercepted (--interception-mode NONE)\n');
      else for (const line of await load(rules, flags.output, env['PATH'])) context.stderr(`coxswain: ${line}\n`);
      const { writePodBootstrap } = await import('../agent/bootstrap-files.ts');
      await writePodBootstrap(pod);
      context.stderr(
        `coxswain: wrote ${join(flags.output, 'envoy.json')}, ${probes.length} probes of the app among it\n`,
      );
    });
}

async function podBootstrap(
  flags: Flags,
  env: CliContext['env'],
  probes: readonly import('../agent/app-probe.ts').AppProbe[],
): Promise<PodBootstrap> {
  const [{ parseAddress }, { controlPlaneHost }] = await Promise.all([
    import('../settings.ts'),
    import('../model/cluster-names.ts'),
  ]);
  const need = (flag: string, value: string | undefined, name: string): string => {
    const found = value ?? env[name] ?? '';
    if (found !== '') return found;
    throw new MeshError('bad-argument', `${flag} is missing`, { hint: `name it, or set ${name}` });
  };
  const podIps = (env['POD_IPS'] ?? '').split(',').map((each) => each.trim());
  const [first, ...more] = flags.ip.length > 0 ? flags.ip : podIps.filter((each) => isIP(each) !== 0);
  if (first === undefined)
    throw new MeshError('bad-argument', '--ip is missing', {
      hint: 'name it, or set POD_IPS (fieldRef status.podIPs)',
    });
  const serverName = flags.xdsName ?? controlPlaneHost(flags.rootNamespace);
  const { host, port } = parseAddress(
    '--xds',
    flags.xds ?? `${controlPlaneHost(flags.rootNamespace)}:${controlPlanePorts.xds}`,
  );
  return {
    directory: flags.output,
    options: {
      workload: {
        kind: flags.kind,
        name: need('--name', flags.name, 'POD_NAME'),
        namespace: need('--namespace', flags.namespace, 'POD_NAMESPACE'),
        serviceAccount: need('--service-account', flags.serviceAccount, 'SERVICE_ACCOUNT'),
        labels: await readLabels(flags.labelsFile),
        addresses: [first, ...more],
        clusterId: flags.clusterId,
        dnsDomain: flags.dnsDomain,
      },
      xds: 'delta',
      stats: flags.stats,
      probes,
    },
    controlPlane: { host, port, serverName, rootFile: flags.rootFile, tokenFile: flags.tokenFile },
  };
}

function interception(flags: Flags, alsoExcluded: readonly number[]): Interception {
  // Every remote port is every remote address.
  const everywhere = flags.includeOutboundPorts === '*';
  return {
    ...defaultInterception,
    inboundPorts: flags.includeInboundPorts,
    excludeInboundPorts: [
      ...new Set([
        ...defaultInterception.excludeInboundPorts,
        ...alsoExcluded,
        ...flags.excludeInboundPorts.map(Number),
      ]),
    ],
    outboundRanges: everywhere ? '*' : flags.includeOutboundRanges,
    excludeOutboundRanges: flags.excludeOutboundRanges,
    outboundPorts: flags.includeOutboundPorts === '*' ? [] : flags.includeOutboundPorts.map(Number),
    excludeOutboundPorts: flags.excludeOutboundPorts.map(Number),
    excludeInterfaces: flags.excludeInterfaces,
  };
}

async function dryRun(pod: PodBootstrap, rules: Interception | undefined): Promise<string> {
  const { podBootstrapFiles } = await import('../agent/bootstrap-files.ts');
  const { v4, v6 } = rules === undefined ? { v4: '', v6: '' } : interceptionRules(rules);
  const files = Object.entries(podBootstrapFiles(pod)).map(
    ([name, text]) => [join(pod.directory, name), text] as const,
  );
  const parts =
    rules === undefined ? files : [['iptables-restore', v4] as const, ['ip6tables-restore', v6] as const, ...files];
  return parts.map(([name, text]) => `# ${name}\n${text}`).join('\n');
}

async function load(rules: Interception, output: string, path: string | undefined): Promise<readonly string[]> {
  const [{ loadInterception }, { runCommand }] = await Promise.all([
    import('../agent/interception-load.ts'),
    import('../sandbox/run-command.ts'),
  ]);
  // The root file system is read-only, and with it the place where iptables has its lock.
  const env = { PATH: path ?? '/usr/sbin:/usr/bin:/sbin:/bin', XTABLES_LOCKFILE: join(output, '.xtables.lock') };
  return await loadInterception(rules, {
    run: (argv, input) => runCommand(argv, { input, timeoutMs: 30_000, env }),
    hasIpv6: await hasIpv6(),
  });
}

/** The kernel lists the IPv6 addresses of this network namespace there; no file, no IPv6. */
async function hasIpv6(): Promise<boolean> {
  return (await readFile('/proc/self/net/if_inet6', 'utf8').catch(() => '')).trim() !== '';
}

/** Lines of `key="value"`, the value quoted as in Go. No file: no labels. */
async function readLabels(file: string): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return '';
    throw MeshError.from(thrown, 'unavailable');
  });
  const pairs = text.split('\n').flatMap((line) => {
    const match = /^([^=]+)="([A-Za-z0-9._-]*)"$/.exec(line);
    return match?.[1] === undefined ? [] : [[match[1], match[2] ?? ''] as const];
  });
  return Object.fromEntries(pairs);
}

function scope<T>(parse: (text: string) => ScopeResult<T>): (text: string) => T {
  return (text) => {
    const result = parse(text);
    if (result.ok) return result.value;
    throw new InvalidArgumentError(`${result.error}.`);
  };
}

function addressValue(text: string, previous: readonly string[]): readonly string[] {
  if (isIP(text) === 0) throw new InvalidArgumentError('Want an IP address.');
  return [...previous, text];
}
