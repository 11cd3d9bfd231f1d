import { isRecord } from '../../src/lib/is-record.ts';
import type { Mesh } from './e2e-mesh.ts';
import type { TargetAnswer, TargetsRequest } from './e2e-probe-types.ts';
import { normalized } from './path-gaps.ts';
import { type HabitName, type Mode, promises, read } from './path-readings.ts';
import { allowed, denied, type PathRule } from './path-rules.ts';
import { byteFamilies, randomTargets, type TargetFamily, targetFamilies } from './path-targets.ts';

/** How requests come: straight to the server's sidecar, byte by byte, or through one that reads and sends them again. */
export const ways = {
  'HTTP/1.1': { client: 'sleep.legacy', protocol: 'HTTP/1.1' },
  'HTTP/2': { client: 'sleep.legacy', protocol: 'HTTP/2' },
  mTLS: { client: 'sleep.foo', protocol: 'HTTP/1.1' },
} as const satisfies Readonly<Record<string, { client: string; protocol: TargetsRequest['protocol'] }>>;

type Way = keyof typeof ways;
const wayNames: readonly Way[] = ['HTTP/1.1', 'HTTP/2', 'mTLS'];

/** What came of one request. */
export interface Call {
  readonly way: Way;
  readonly target: string;
  /** `app`: the application got `path`; `denied`: by policy; `refused`: by Envoy, as no request that it takes. */
  readonly got: 'app' | 'denied' | 'refused' | (string & {});
  readonly path: string;
}

/** Random targets, and the number that makes the same ones again. */
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
export const randomFamily: TargetFamily = { name: `random (seed ${seed})`, targets: randomTargets(seed, 300) };

const fixedFamilies: readonly TargetFamily[] = [
  ...targetFamilies,
  { name: 'to a place that no rule is about', targets: Object.keys(normalized) },
];
export const families: readonly TargetFamily[] = [...fixedFamilies, ...byteFamilies, randomFamily];

/** Single bytes only straight to the sidecar, and where rules are widest or templates. */
function familiesFor(way: Way, { port }: PathRule): readonly TargetFamily[] {
  const bytes = way !== 'mTLS' && (port === 8080 || (port === 6060 && way === 'HTTP/1.1'));
  return [...fixedFamilies, randomFamily, ...(bytes ? byteFamilies : [])];
}

export type Calls = ReadonlyMap<PathRule, readonly Call[]>;

/** Asks for every target on the port of every rule. Rules on one port share the answers. */
export async function callAll(mesh: Mesh): Promise<Calls> {
  const byPort = new Map<string, Promise<readonly Call[]>>();
  const entries = [...denied, ...allowed].map(async (rule) => {
    const server = serverOf(rule);
    const key = `${server} ${rule.port}`;
    const calls = byPort.get(key) ?? callPort(mesh, server, rule);
    byPort.set(key, calls);
    return [rule, await calls] as const;
  });
  return new Map(await Promise.all(entries));
}

const serverOf = (rule: PathRule): string => (denied.includes(rule) ? 'server.foo' : 'other.foo');
const servicePorts: Readonly<Record<number, number>> = { 8080: 80, 7000: 7000 };

async function callPort(mesh: Mesh, server: string, rule: PathRule): Promise<readonly Call[]> {
  const all = wayNames.map(async (way): Promise<readonly Call[]> => {
    const { client, protocol } = ways[way];
    const service = servicePorts[rule.port];
    // A port that no service names is reached by its address alone, to which a sidecar sends no mTLS.
    if (way === 'mTLS' && service === undefined) return [];
    const address =
      way === 'mTLS' && service !== undefined
        ? { host: server, port: service }
        : { host: mesh.sandbox.pod(server).ip, port: rule.port };
    const targets = new Set(familiesFor(way, rule).flatMap((each) => each.targets));
    // A line break ends a request line of HTTP/1.1: what follows would be another request, of whoever sent it.
    const list = [...targets].filter((each) => protocol === 'HTTP/2' || !/[\r\n]/.test(each));
    // In absolute form the target says which server is meant.
    const said = list.map((each) =>
      each.replaceAll('server.foo', server).replaceAll('SERVER.FOO', server.toUpperCase()),
    );
    const answers = await mesh.probe(client).ask('targets', { ...address, authority: server, protocol, list: said });
    return list.map((target, index) => ({ way, target, ...outcome(answers[index]) }));
  });
  return (await Promise.all(all)).flat();
}

function outcome(answer: TargetAnswer | undefined): Pick<Call, 'got' | 'path'> {
  const nothing = (got: string) => ({ got, path: '' });
  if (answer === undefined) return nothing('nothing');
  if ('error' in answer)
    return nothing(['closed', 'reset', 'stream reset'].includes(answer.error) ? 'refused' : answer.error);
  if (answer.status === 403) return nothing(answer.body === 'RBAC: access denied' ? 'denied' : answer.body);
  const told = toldBy(answer.body);
  if (told !== undefined) return { got: 'app', path: told };
  return nothing(answer.status === 400 || answer.status === 404 ? 'refused' : `${answer.status} ${answer.body}`);
}

function toldBy(body: string): string | undefined {
  if (!body.startsWith('{')) return undefined;
  const told: unknown = JSON.parse(Buffer.from(body, 'latin1').toString('utf8'));
  return isRecord(told) && typeof told['url'] === 'string' ? told['url'] : undefined;
}

/** Requests that got where this rule lets nobody, for an application with these habits: `<way> <target> as <path>`. */
export function strays(rule: PathRule, calls: readonly Call[], habits: Iterable<HabitName>): readonly string[] {
  const set = new Set(habits);
  const others = denied.includes(rule) ? [] : allowed.filter((each) => each.port === rule.port);
  const wrong = (path: string): boolean =>
    denied.includes(rule) ? rule.means(path) : !others.some((each) => each.means(path));
  return calls
    .filter(({ got, path }) => got === 'app' && wrong(read(path, set)))
    .map(({ way, target, path }) => `${way} ${JSON.stringify(target)} as ${JSON.stringify(path)}`);
}

/** Rules that an application with one habit more than a mode promises sees passed by, from targets that are the same in each run; by their paths. */
export function gaps(calls: Calls, mode: Mode, habit: HabitName): readonly string[] {
  const random = new Set(randomFamily.targets);
  return [...calls]
    .map(([rule, each]) => [rule, each.filter(({ target }) => !random.has(target))] as const)
    .filter(([rule, each]) => {
      const anyway = new Set(strays(rule, each, promises[mode]));
      return strays(rule, each, [...promises[mode], habit]).some((stray) => !anyway.has(stray));
    })
    .map(([{ path }]) => path);
}
