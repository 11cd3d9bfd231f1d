import { hash } from 'node:crypto';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { Probe } from './e2e-probe.ts';

/** `<type> <name>` → version, sorted by key. */
export type Versions = Readonly<Record<string, string>>;

interface Versioned {
  readonly version_info?: string;
  readonly listener?: object;
}

/** The parts of both dumps that we read; in Envoy's, `dynamic_…` lists come one by one when asked for by name. */
interface Item extends Versioned {
  readonly '@type'?: string;
  readonly name?: string;
  readonly active_state?: Versioned;
  readonly warming_state?: Versioned;
  readonly error_state?: { readonly details?: string };
  readonly cluster?: { readonly name: string };
  readonly route_config?: { readonly name: string };
  readonly ecds_filter?: { readonly name: string };
}

interface Dump {
  readonly configs?: readonly (Item & Readonly<Record<string, readonly Item[] | undefined>>)[];
}

const lists = {
  dynamic_active_clusters: 'cluster',
  dynamic_listeners: 'listener',
  dynamic_route_configs: 'route',
  ecds_filters: 'extension',
} as const;

type List = keyof typeof lists;
const listNames: readonly List[] = [
  'dynamic_active_clusters',
  'dynamic_listeners',
  'dynamic_route_configs',
  'ecds_filters',
];

interface KnownObject {
  readonly kind: string;
  readonly meta: {
    readonly namespace: string;
    readonly name: string;
    readonly uid?: string;
    readonly generation?: number;
  };
}

function shownPolicy({ kind, meta }: KnownObject, withGeneration: boolean): string {
  const name = `${kind} ${meta.namespace}/${meta.name}`;
  return withGeneration ? `${name} ${meta.uid}:${meta.generation}` : name;
}

/** What tests write as policies, and what the API server calls it. */
const policyKinds: Readonly<Record<string, string>> = {
  PeerAuthentication: 'peerauthentications.security.istio.io',
  RequestAuthentication: 'requestauthentications.security.istio.io',
  AuthorizationPolicy: 'authorizationpolicies.security.istio.io',
  DestinationRule: 'destinationrules.networking.istio.io',
  ServiceEntry: 'serviceentries.networking.istio.io',
  Sidecar: 'sidecars.networking.istio.io',
  VirtualService: 'virtualservices.networking.istio.io',
};

/** The policies that the control plane goes by: `<kind> <namespace>/<name>`, and which state of each; sorted. */
export async function knownPolicies(sandbox: Sandbox, withGeneration = false): Promise<readonly string[]> {
  const objects: readonly KnownObject[] = JSON.parse((await sandbox.admin('/debug/configz')).body);
  return objects
    .filter(({ kind }) => kind in policyKinds)
    .map((each) => shownPolicy(each, withGeneration))
    .sort();
}

/** The policies that the API server holds, in the same words. */
export async function storedPolicies(sandbox: Sandbox): Promise<readonly string[]> {
  const kinds = Object.values(policyKinds).join();
  const { stdout } = await sandbox.kubectl(['get', kinds, '--all-namespaces', '--output', 'json']);
  const { items }: { readonly items: readonly { readonly kind: string; readonly metadata: KnownObject['meta'] }[] } =
    JSON.parse(stdout);
  return items.map(({ kind, metadata }) => shownPolicy({ kind, meta: metadata }, true)).sort();
}

/** What the control plane would send to a pod now. */
export async function plannedVersions(sandbox: Sandbox, pod: string): Promise<Versions> {
  const { body } = await sandbox.admin(`/debug/config_dump?proxyID=${pod}`);
  const { configs = [] }: Dump = JSON.parse(body);
  return sorted(listNames.flatMap((list) => configs.flatMap((each) => (each[list] ?? []).flatMap(entry(list)))));
}

/** What a pod's Envoy holds. */
export async function envoyVersions(probe: Probe): Promise<Versions> {
  const dumps = await Promise.all(
    listNames.map(async (list) => {
      const { configs = [] }: Dump = JSON.parse(await probe.envoy(`/config_dump?resource=${list}`));
      return configs.flatMap(entry(list));
    }),
  );
  return sorted(dumps.flat());
}

function entry(list: List): (item: Item) => readonly (readonly [string, string])[] {
  return (item) => {
    const name = item.name ?? item.cluster?.name ?? item.route_config?.name ?? item.ecds_filter?.name ?? '';
    const warming = item.warming_state === undefined ? '' : ` (warming ${item.warming_state.version_info})`;
    const error = item.error_state === undefined ? '' : ` (refused: ${item.error_state.details})`;
    return [[`${lists[list]} ${name}`, `${shownVersion(list, item)}${warming}${error}`]];
  };
}

function shownVersion(list: List, item: Item): string {
  // VHDS changes a route configuration, and the version that Envoy shows for it, without a new one of ours.
  if (list === 'dynamic_route_configs') return 'any';
  // After an update of filter chains only, Envoy goes on to show the version from before.
  if (list === 'dynamic_listeners') return hash('sha256', JSON.stringify(sortKeys(item.active_state?.listener ?? {})));
  return item.version_info ?? item.active_state?.version_info ?? '';
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sortKeys(inner)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** An extension that several chains use is dumped once for each. */
function sorted(entries: readonly (readonly [string, string])[]): Versions {
  return Object.fromEntries([...entries].sort(([a, b], [c, d]) => (`${a} ${b}` < `${c} ${d}` ? -1 : 1)));
}

/** What one of them has otherwise, or lacks. */
export function difference(planned: Versions, held: Versions): Versions {
  const names = new Set([...Object.keys(planned), ...Object.keys(held)]);
  return Object.fromEntries(
    [...names]
      .filter((name) => planned[name] !== held[name])
      .map((name) => [name, `${planned[name]}, held ${held[name]}`]),
  );
}
