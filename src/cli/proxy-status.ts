import { Command, Option } from 'commander';
import type { SyncEntry } from '../admin/sync-entry.ts';
import { MeshError } from '../lib/errors.ts';
import type { CliContext } from './context.ts';
import { getJson, type PageSource, pagesAt, parseHttpUrl } from './http.ts';
import { type OutputFormat, outputOption, print } from './output.ts';
import { parsePodName } from './pod-name.ts';
import type { Comparison } from './proxy-diff.ts';

interface Flags {
  readonly admin?: string;
  readonly envoyAdmin?: string;
  readonly sandbox?: string;
  readonly namespace?: string;
  readonly output: OutputFormat;
}

/** `coxswain proxy-status`: who is connected and what each acknowledged (behaviour.md 8.1). Exit code 1 if anything was rejected. */
export function proxyStatusCommand(context: CliContext): Command {
  return new Command('proxy-status')
    .argument('[pod]', 'POD.NAMESPACE: its details, and how our configuration compares with what its Envoy holds')
    .option('--admin <host:port>', "the control plane's admin address; default 127.0.0.1:15014 (COXSWAIN_ADMIN)")
    .option('--sandbox <name>', 'ask the control plane of this sandbox')
    .addOption(new Option('--envoy-admin <url>', 'compare with the Envoy at this admin address'))
    .option('-n, --namespace <namespace>', 'only proxies of this namespace')
    .addOption(outputOption('table', 'json', 'yaml'))
    .action(async (pod: string | undefined, flags: Flags) => {
      const server = await findServer(flags, context);
      const views = await import('./proxy-status-view.ts');
      if (pod === undefined) {
        const shown = server.proxies.filter(
          (proxy) => flags.namespace === undefined || proxy.namespace === flags.namespace,
        );
        await print(context, flags.output, shown, () => views.statusText(shown, context.now()));
        if (shown.some(views.hasRejection)) context.exitWith(1);
        return;
      }
      const found = findProxies(server.proxies, pod);
      const comparisons = await compareWithEnvoy(found[0]?.name ?? pod, flags, server, context);
      await print(context, flags.output, { proxies: found, comparisons }, () =>
        views.detailsText(found, comparisons, context.now()),
      );
      if (found.some(views.hasRejection) || comparisons.some((each) => each.diff !== '')) context.exitWith(1);
    });
}

/** A control plane that answered. */
interface Server {
  readonly source: PageSource;
  /** Set if it is that of a sandbox. */
  readonly sandbox: string | undefined;
  readonly proxies: readonly SyncEntry[];
}

/** Where `--admin` or `--sandbox` says; else the usual address; else, if nothing is there, the only sandbox that runs. */
async function findServer(flags: Flags, context: CliContext): Promise<Server> {
  const { env, signal } = context;
  const inSandbox = async (name: string | undefined): Promise<Server> => {
    const { sandboxAdminPages } = await import('./sandbox-source.ts');
    const { source, sandbox } = await sandboxAdminPages(name, env);
    return { source, sandbox, proxies: await readStatus(source, signal) };
  };
  if (flags.sandbox !== undefined) return await inSandbox(flags.sandbox);
  const admin = flags.admin ?? env['COXSWAIN_ADMIN'];
  const hint = 'is `coxswain serve` running? --admin HOST:PORT names another address, --sandbox NAME a sandbox';
  const source = pagesAt(parseHttpUrl('--admin', admin ?? '127.0.0.1:15014'), hint);
  try {
    return { source, sandbox: undefined, proxies: await readStatus(source, signal) };
  } catch (thrown) {
    const error = MeshError.from(thrown);
    if (admin !== undefined || error.code !== 'unavailable' || signal.aborted) throw thrown;
    try {
      return await inSandbox(undefined);
    } catch (second) {
      // Without a sandbox, the answer to the question that was asked is the first one.
      throw MeshError.from(second).code === 'not-found' ? error : second;
    }
  }
}

async function readStatus(source: PageSource, signal: AbortSignal): Promise<readonly SyncEntry[]> {
  const { parseStatus } = await import('./proxy-status-json.ts');
  return parseStatus(await getJson(source, '/debug/syncz', signal), source.name);
}

/** The streams of a pod, or of the first pod of a Deployment of that name: people know the latter by heart. */
function findProxies(proxies: readonly SyncEntry[], pod: string): readonly SyncEntry[] {
  const exact = proxies.filter((proxy) => proxy.name === pod);
  if (exact.length > 0) return exact;
  const { name, namespace } = parsePodName(pod);
  const replicas = proxies.filter(
    (proxy) =>
      proxy.namespace === namespace &&
      proxy.name.startsWith(`${name}-`) &&
      /^[a-z0-9]+(-[a-z0-9]+)?$/.test(proxy.name.slice(name.length + 1, -namespace.length - 1)),
  );
  const first = replicas.map((proxy) => proxy.name).sort()[0];
  if (first === undefined) {
    throw new MeshError('not-found', `no proxy ${JSON.stringify(pod)} is connected`, {
      hint: 'coxswain proxy-status lists those that are',
    });
  }
  return replicas.filter((proxy) => proxy.name === first);
}

/** Without a way to the Envoy there is nothing to compare: the details alone are still worth having. */
async function compareWithEnvoy(
  pod: string,
  flags: Flags,
  { source, sandbox }: Server,
  context: CliContext,
): Promise<readonly Comparison[]> {
  if (flags.envoyAdmin === undefined && sandbox === undefined) return [];
  const [{ openEnvoy }, { compareDumps }] = await Promise.all([import('./envoy-source.ts'), import('./proxy-diff.ts')]);
  const where =
    flags.envoyAdmin === undefined ? (sandbox === undefined ? {} : { sandbox }) : { envoyAdmin: flags.envoyAdmin };
  const [ours, envoys] = await Promise.all([
    getJson(source, `/debug/config_dump?proxyID=${encodeURIComponent(pod)}`, context.signal),
    openEnvoy(pod, where, context).configDump(),
  ]);
  return compareDumps(ours, envoys);
}
