import type { Mesh } from './e2e-mesh.ts';
import type { Probe } from './e2e-probe.ts';
import type { HttpAnswer, NoAnswer } from './e2e-probe-types.ts';
import { eventually } from './sandbox.ts';

type Counts = Readonly<Record<string, number>>;

/** What would move if a listener were replaced, drained, or lost a connection. The admin page's own connections don't count. */
export async function disturbances(probe: Probe): Promise<Counts> {
  const listener = 'listener_manager\\.(listener_(in_place_updated|modified|added|removed)|total_.*_draining)';
  return await probe.stats(
    `^(${listener}|http\\.(in|out)bound.*\\.downstream_cx_(destroy|drain_close|delayed_close))$`,
  );
}

/** Serial number of the certificate that an Envoy shows to its peers, which is also the newest that it has. */
export async function workloadSerial(probe: Probe): Promise<string> {
  const { certificates }: Certificates = JSON.parse(await probe.envoy('/certs'));
  const serials = certificates.flatMap(({ cert_chain }) =>
    cert_chain
      .filter(({ subject_alt_names }) => subject_alt_names.some(({ uri = '' }) => uri.startsWith('spiffe://')))
      .map(({ serial_number }) => serial_number),
  );
  return [...new Set(serials)].sort().join(', ');
}

interface Certificates {
  readonly certificates: readonly {
    readonly cert_chain: readonly {
      readonly serial_number: string;
      readonly subject_alt_names: readonly { readonly uri?: string }[];
    }[];
  }[];
}

/** One HTTP connection that stays open, as seen by one who asks again and again: a status, or how it ended. */
export async function keptHttp(probe: Probe, host: string, port = 80): Promise<KeptHttp> {
  const connection = await probe.ask('open', { host, port });
  return {
    connection,
    get: async (path) => shortAnswer(await probe.ask('get', { connection, host, path })),
  };
}

export interface KeptHttp {
  readonly connection: number;
  get(path: string): Promise<string>;
}

/** The status, or the word for how a connection ended without one. */
export function shortAnswer(answer: HttpAnswer | NoAnswer): string {
  return 'status' in answer ? String(answer.status) : answer.error;
}

/** A finding, in the words that a person looks for. */
export interface ShownFinding {
  readonly severity: string;
  readonly code: string;
  readonly object: string;
  readonly at: string;
}

/** What the control plane complains about: only the named file's part, with places in it as `file:line`. */
export async function findingsIn(mesh: Mesh, file: string): Promise<readonly ShownFinding[]> {
  const all: readonly ShownFinding[] = JSON.parse((await mesh.sandbox.admin('/debug/findings')).body);
  return all
    .filter(({ at }) => at.includes(`/${file}:`))
    .map(({ severity, code, object, at }) => ({ severity, code, object, at: at.slice(at.lastIndexOf('/') + 1) }));
}

/** How many updates an Envoy took, for each subscription of each type. */
export async function updates(probe: Probe): Promise<Counts> {
  return await probe.stats('(\\.update_success|lds\\.updates|vhds.*\\.(update_success|config_reload))$');
}

/** By how much each count differs, without those that don't. */
export function moved(before: Counts, after: Counts): Counts {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return Object.fromEntries(
    [...names].map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)] as const).filter(([, by]) => by !== 0),
  );
}

/** Waits until an Envoy has, or has lost, its stream to the control plane. */
export async function connected(probe: Probe, wanted: boolean): Promise<void> {
  await eventually(
    `${probe.pod} ${wanted ? 'to be connected' : 'to be cut off'}`,
    async () => {
      const { 'control_plane.connected_state': state } = await probe.stats('^control_plane\\.connected_state$');
      return (state === 1) === wanted ? true : undefined;
    },
    20_000,
  );
}
