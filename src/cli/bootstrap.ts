import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { BootstrapOptions } from '../agent/bootstrap.ts';
import { MeshError } from '../lib/errors.ts';
import type { CliContext } from './context.ts';
import { jsonText } from './output.ts';

interface Flags {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly kind: 'sidecar' | 'router';
  readonly ip: readonly string[];
  readonly label: Readonly<Record<string, string>>;
  readonly clusterId: string;
  readonly xds?: string;
  readonly xdsName?: string;
  readonly insecure?: true;
  readonly state?: string;
  readonly mesh?: string;
  readonly trustDomain?: string;
  readonly out?: string;
  readonly filesIn: string;
  readonly owner?: string;
  readonly ttl: string;
  readonly stream: 'delta' | 'sotw';
  readonly stats: 'full' | 'trimmed';
}

/** `coxswain bootstrap`: all that a stock Envoy needs to join the mesh as one workload. */
export function bootstrapCommand(context: CliContext): Command {
  return new Command('bootstrap')
    .requiredOption('--name <name>', 'name of the pod or workload entry', nameValue)
    .requiredOption('--namespace <namespace>', 'its namespace', nameValue)
    .requiredOption(
      '--service-account <account>',
      'who it is: spiffe://<trust domain>/ns/<namespace>/sa/<account>',
      nameValue,
    )
    .option(
      '--ip <address>',
      "an address of the workload, may be repeated; default: this machine's first",
      addressValue,
      [],
    )
    .option('--label <key=value>', 'a label of the workload, may be repeated', labelValue, {})
    .addOption(new Option('--kind <kind>', 'what the Envoy is').choices(['sidecar', 'router']).default('sidecar'))
    .option('--cluster-id <id>', 'the cluster it belongs to', 'Kubernetes')
    .option('--xds <host:port>', 'the control plane; default 127.0.0.1:15012, with --insecure 127.0.0.1:15010')
    .option('--xds-name <name>', "name in the control plane's certificate; default coxswain.<root namespace>.svc")
    .option('--insecure', 'join without TLS and without a token, over loopback only; the Envoy gets no keys')
    .option(
      '--out <dir>',
      'write bootstrap, token (0600) and root there; without it the bootstrap goes to stdout, and no token is made',
    )
    .option(
      '--files-in <dir>',
      'without --out: the folder that the bootstrap names for its token and root',
      '/etc/coxswain',
    )
    .option('--owner <uid:gid>', 'owner of what is written: the user that runs Envoy')
    .option('--ttl <duration>', 'lifetime of the token; streams end with it', '24h')
    .option('--state <dir>', 'state directory of the control plane (COXSWAIN_STATE)')
    .option('--mesh <file>', 'mesh settings of the control plane')
    .option('--trust-domain <domain>', 'trust domain of the control plane')
    .addOption(
      new Option('--stream <kind>', 'how configuration is streamed').choices(['delta', 'sotw']).default('delta'),
    )
    .addOption(
      new Option('--stats <amount>', 'which statistics Envoy keeps').choices(['trimmed', 'full']).default('trimmed'),
    )
    .action(async (flags: Flags) => {
      const [{ parseAddress, readMesh, withTrustDomain }] = [await import('../settings.ts')];
      const { mesh } = await readMesh(flags.mesh);
      const settings = withTrustDomain(mesh, flags.trustDomain);
      const xds = parseAddress('--xds', flags.xds ?? (flags.insecure === true ? '127.0.0.1:15010' : '127.0.0.1:15012'));
      if (flags.out === undefined) {
        context.stdout(await bootstrapText(flags, settings, xds));
        if (flags.insecure !== true) {
          context.stderr(`coxswain: no token was made; --out DIR writes ${flags.filesIn}'s files too\n`);
        }
        return;
      }
      const path = await writeFolder(flags, flags.out, settings, xds, context);
      context.stdout(`${path}\n`);
    });
}

interface Target {
  readonly host: string;
  readonly port: number;
}

interface MeshNames {
  readonly dnsDomain: string;
  readonly rootNamespace: string;
  readonly trustDomain: import('../model/ids.ts').TrustDomain;
}

async function bootstrapText(flags: Flags, mesh: MeshNames, xds: Target): Promise<string> {
  const [{ bootstrap }, { bootstrapFileNames }, { controlPlaneHost }] = await Promise.all([
    import('../agent/bootstrap.ts'),
    import('../agent/bootstrap-files.ts'),
    import('../model/cluster-names.ts'),
  ]);
  const options = workloadOptions(flags, mesh);
  const host = reachable(xds.host);
  if (flags.insecure === true) {
    await requireLoopback(host);
    return jsonText(bootstrap({ ...options, controlPlane: { transport: 'plaintext', host, port: xds.port } }));
  }
  return jsonText(
    bootstrap({
      ...options,
      controlPlane: {
        transport: 'tls',
        host,
        port: xds.port,
        serverName: flags.xdsName ?? controlPlaneHost(mesh.rootNamespace),
        rootFile: join(flags.filesIn, bootstrapFileNames.root),
        tokenSecretFile: join(flags.filesIn, bootstrapFileNames.tokenSecret),
      },
    }),
  );
}

async function writeFolder(
  flags: Flags,
  directory: string,
  mesh: MeshNames,
  xds: Target,
  context: CliContext,
): Promise<string> {
  const { writeBootstrap } = await import('../agent/bootstrap-files.ts');
  const host = reachable(xds.host);
  const owner = flags.owner === undefined ? undefined : ownerOf(flags.owner);
  const folder = { directory, options: workloadOptions(flags, mesh), ...(owner === undefined ? {} : { owner }) };
  if (flags.insecure === true) {
    await requireLoopback(host);
    return await writeBootstrap({ ...folder, controlPlane: { transport: 'plaintext', host, port: xds.port } });
  }
  const [{ openAuthority }, { openJoinKeys }, { issueJoinToken }, { controlPlaneHost }, { systemClock }, settings] =
    await Promise.all([
      import('../ca/open-authority.ts'),
      import('../ca/join-keys.ts'),
      import('../ca/join-token.ts'),
      import('../model/cluster-names.ts'),
      import('../lib/clock.ts'),
      import('../settings.ts'),
    ]);
  const state = flags.state ?? settings.defaultStateDir(context.env);
  const authority = await openAuthority(state, { trustDomain: mesh.trustDomain, clock: systemClock });
  const { namespace, serviceAccount } = flags;
  const identity = { trustDomain: mesh.trustDomain, namespace, serviceAccount };
  const ttlMs = settings.parseDuration('--ttl', flags.ttl, 1_000);
  const token = await issueJoinToken(await openJoinKeys(state), { identity, pod: flags.name, ttlMs }, systemClock);
  return await writeBootstrap({
    ...folder,
    controlPlane: {
      transport: 'tls',
      host,
      port: xds.port,
      serverName: flags.xdsName ?? controlPlaneHost(mesh.rootNamespace),
      roots: authority.roots,
      token,
    },
  });
}

function workloadOptions(flags: Flags, mesh: MeshNames): Omit<BootstrapOptions, 'controlPlane'> {
  const { kind, name, namespace, serviceAccount, label: labels, clusterId } = flags;
  const [first = ownAddress(), ...more] = flags.ip;
  return {
    workload: {
      kind,
      name,
      namespace,
      serviceAccount,
      labels,
      addresses: [first, ...more],
      clusterId,
      dnsDomain: mesh.dnsDomain,
    },
    xds: flags.stream,
    stats: flags.stats,
  };
}

/** `:15012` means "every address" to a server, and this machine to a client. */
function reachable(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host;
}

async function requireLoopback(host: string): Promise<void> {
  const { isLoopback } = await import('../settings.ts');
  if (!isLoopback(host)) {
    throw new MeshError('bad-argument', `--insecure: ${host} is not a loopback address`, {
      hint: 'plaintext xDS is served on loopback only; leave --insecure out',
    });
  }
}

function ownAddress(): string {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find((address) => address.family === 'IPv4' && !address.internal);
  return found?.address ?? '127.0.0.1';
}

function ownerOf(text: string): { readonly uid: number; readonly gid: number } {
  const match = /^(\d{1,10}):(\d{1,10})$/.exec(text);
  if (match === null)
    throw new MeshError('bad-argument', `--owner: ${JSON.stringify(text)} is no owner`, {
      hint: 'write numbers: --owner 1337:1337',
    });
  return { uid: Number(match[1]), gid: Number(match[2]) };
}

function nameValue(text: string): string {
  if (/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('Want a Kubernetes name: lower-case letters, digits, dots and dashes.');
}

function addressValue(text: string, previous: readonly string[]): readonly string[] {
  if (isIP(text) === 0) throw new InvalidArgumentError('Want an IP address.');
  return [...previous, text];
}

function labelValue(text: string, previous: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Want KEY=VALUE.');
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
}
