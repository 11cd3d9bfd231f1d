import { proxyName } from '../model/proxy.ts';
import type { Workload } from '../model/workload.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { type Meeting, worst } from './meeting.ts';
import { mtlsOf } from './origin.ts';
import type { FindReceiver } from './receivers.ts';
import type { TlsCall, TlsTarget } from './tls-calls.ts';
import { type Caller, type ClientMode, clientMode, meet, type ServerMode, serverMode } from './tls-meeting.ts';

/** Whether a client and the servers behind one host and port understand each other. */
export interface TlsRow {
  readonly host: string;
  readonly port: number;
  /** '' for all of the service. */
  readonly subset: string;
  readonly status: Meeting['status'];
  readonly server: ServerMode;
  readonly client: ClientMode;
  /** `name/namespace` of the policy that decides for the servers; `-` where none does. */
  readonly authnPolicy: string;
  /** `name/namespace` of the DestinationRule that shaped the client's cluster; `-` for none. */
  readonly destinationRule: string;
  /** One line for people; '' where there is nothing to say. */
  readonly why: string;
  /** `web-0.shop:8080`: each server of which all this is true. */
  readonly servers: readonly string[];
}

/** Who receives, and who calls. */
export interface ServerSide {
  readonly snapshot: Snapshot;
  readonly byAddress: ReadonlyMap<string, Workload>;
  readonly receiver: FindReceiver;
  readonly client: Caller;
}

/** One row for a call; several where its servers differ. */
export function rowsOf(call: TlsCall, side: ServerSide): readonly TlsRow[] {
  const { host, port, subset, rule, client } = call;
  const place = { host, port, subset, destinationRule: rule === '' ? '-' : rule };
  if (call.targets.length === 0) {
    const why = call.anywhere
      ? 'connections go where they were meant to: what is there is not known'
      : 'it has nobody behind it that is ready';
    return [{ ...place, status: 'UNKNOWN', server: 'UNKNOWN', client, authnPolicy: '-', why, servers: [] }];
  }
  const rows = new Map<string, TlsRow>();
  for (const target of call.targets) {
    const facts = factsOf(host, target, side);
    const key = JSON.stringify(facts);
    const servers = [...(rows.get(key)?.servers ?? []), nameOf(target, side)];
    rows.set(key, { ...place, ...facts, servers });
  }
  return [...rows.values()];
}

function nameOf({ address, port }: TlsTarget, { byAddress }: ServerSide): string {
  const workload = byAddress.get(address);
  return `${workload === undefined ? address : proxyName(workload.meta)}:${port}`;
}

function factsOf(
  host: string,
  { address, port, spoken }: TlsTarget,
  { snapshot, byAddress, receiver, client }: ServerSide,
): Pick<TlsRow, 'status' | 'server' | 'client' | 'authnPolicy' | 'why'> {
  const workload = byAddress.get(address);
  const found = receiver(workload, address, port);
  const said = spoken.map((each) => ({ host, ...each }));
  const [first] = spoken;
  const by = found.kind === 'sidecar' && workload !== undefined ? mtlsOf(snapshot, workload, port) : undefined;
  return {
    ...worst(said.map((each) => meet(each, found, client))),
    server: serverMode(found, said, client),
    client: first === undefined ? 'HTTP' : clientMode(first.speech),
    authnPolicy: by === undefined ? '-' : `${by.name}/${by.namespace}`,
  };
}
