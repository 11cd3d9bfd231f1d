import { MeshError } from '../lib/errors.ts';
import { compareText } from '../model/object.ts';
import { proxyName } from '../model/proxy.ts';
import type { Workload } from '../model/workload.ts';
import { secretsIn } from '../snapshot/indexes.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { type Callee, calleesOf, hostsMeant, standsFor, workloadsByAddress } from './callee.ts';
import { envoyIdentity, findClient } from './client.ts';
import { sentTo } from './compiled.ts';
import { envoyOf, receiverFinder, type TlsWorld } from './receivers.ts';
import { callsOf, callsWithoutEnvoy, type TlsCall } from './tls-calls.ts';
import type { Caller } from './tls-meeting.ts';
import { rowsOf, type ServerSide, type TlsRow } from './tls-rows.ts';

/** The whole answer, by host, port and subset. */
export interface TlsCheck {
  readonly client: string;
  readonly rows: readonly TlsRow[];
  /** What to know besides. */
  readonly notes: readonly string[];
}

/** Who asks, and about what. */
export interface TlsQuestion {
  /** `POD.NS`, or the name of its Deployment. */
  readonly pod: string;
  /** `HOST`, `HOST:PORT`, also short; '' for all that the client knows. */
  readonly host: string;
}

/**
 * Says for each host that a client knows whether both sides speak the same (behaviour.md 8.4), by what their Envoys are sent. Throws
 * MeshError for a pod or a host that isn't there.
 */
export function tlsCheck(world: TlsWorld, { pod, host }: TlsQuestion): TlsCheck {
  const { snapshot } = world.compiler;
  const { name, workload } = findClient(snapshot, pod);
  if (workload === undefined)
    throw new MeshError('bad-argument', `${JSON.stringify(pod)} names no pod`, { hint: 'write POD.NAMESPACE' });
  const callees = calleesOf(snapshot);
  const wanted = wantedBy(snapshot, host, workload.meta.namespace);
  const calls = callsOfClient(world, workload, callees, wanted.fits);
  if (calls.length === 0 && host !== '') refuse(name, host, wanted, callees);
  const side: ServerSide = {
    snapshot,
    byAddress: workloadsByAddress(snapshot),
    receiver: receiverFinder(world),
    client: callerOf(world, workload),
  };
  const rows = calls.flatMap((call) => rowsOf(call, side)).sort(byPlace);
  return { client: name, rows, notes: notesOf(world, workload) };
}

const byPlace = (a: TlsRow, b: TlsRow): number =>
  compareText(a.host, b.host) || a.port - b.port || compareText(a.subset, b.subset);

interface Wanted {
  readonly hosts: readonly string[];
  readonly port: number | undefined;
  readonly fits: (host: string, port: number) => boolean;
}

function wantedBy(snapshot: Snapshot, text: string, namespace: string): Wanted {
  const { name = text, port: number } = /^(?<name>.+):(?<port>\d{1,5})$/.exec(text)?.groups ?? {};
  const port = number === undefined ? undefined : Number(number);
  if (text === '') return { hosts: [], port, fits: () => true };
  const hosts = hostsMeant(snapshot, name, namespace);
  return { hosts, port, fits: (host, at) => (port === undefined || port === at) && standsFor(host, hosts) };
}

function callsOfClient(
  world: TlsWorld,
  workload: Workload,
  callees: ReadonlyMap<string, Callee>,
  fits: Wanted['fits'],
): readonly TlsCall[] {
  const envoy = envoyOf(world, workload);
  if (envoy === undefined) return callsWithoutEnvoy(callees, fits);
  using sent = sentTo(world.compiler, workload, envoy);
  return callsOf(sent, callees, fits, envoy);
}

/** Why there is nothing to show: no such host, no such port, or one that this client isn't told of. */
function refuse(client: string, text: string, { hosts, port }: Wanted, callees: ReadonlyMap<string, Callee>): never {
  const callee = [...callees.values()].find(({ host }) => standsFor(host, hosts));
  if (callee === undefined) {
    const [word = text] = text.split(/[.:]/);
    const alike = [...callees.keys()].filter((host) => host.startsWith(word.slice(0, 3))).sort();
    throw new MeshError('not-found', `the mesh has no host ${text}`, {
      hint: alike.length === 0 ? 'write HOST, SERVICE.NAMESPACE or SERVICE' : `there: ${alike.slice(0, 5).join(', ')}`,
    });
  }
  const ports = [...callee.protocols.keys()].sort((a, b) => a - b);
  if (port !== undefined && !ports.includes(port))
    throw new MeshError('not-found', `${callee.host} has no port ${port}`, { hint: `its ports: ${ports.join(', ')}` });
  throw new MeshError('not-found', `${client} is not told of ${callee.host}`, {
    hint: 'a Sidecar of its namespace, or exportTo of the service, keeps it from this client',
  });
}

/** What the client's Envoy has to show. Secrets are for gateways alone, and of their own namespace. */
function callerOf(world: TlsWorld, workload: Workload): Caller {
  const { snapshot } = world.compiler;
  const envoy = envoyOf(world, workload);
  return {
    identity: envoyIdentity(snapshot, workload, envoy),
    address: workload.addresses[0] ?? '',
    secrets: envoy === 'router' ? secretsIn(snapshot, workload.meta.namespace) : undefined,
    now: world.now,
  };
}

/** What was decided for Envoys that have yet to come. */
function notesOf(world: TlsWorld, workload: Workload): readonly string[] {
  const name = proxyName(workload.meta);
  if (envoyOf(world, workload) === undefined)
    return [`${name} has no sidecar: what its application sends goes as it is`];
  if (world.connected === undefined || world.connected(name) !== undefined) return [];
  return [`${name} is not connected: this is what its Envoy would be sent`];
}
