import { isIP } from 'node:net';
import { MeshError } from '../lib/errors.ts';
import { type SpiffeId, spiffeId } from '../model/ids.ts';
import type { ProxyKind } from '../model/proxy.ts';
import { selects, selectsAll } from '../model/selector.ts';
import type { Workload } from '../model/workload.ts';
import { findWorkload, workloadsIn } from '../snapshot/indexes.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';

/** Who asks, as far as the mesh knows them. */
export interface Client {
  /** `sleep-1.foo`, `service account sleep.foo`, `outside`. */
  readonly name: string;
  /** '' where it isn't known. */
  readonly address: string;
  readonly namespace: string;
  readonly workload: Workload | undefined;
  /** What its Envoy proves; undefined without one. */
  readonly identity: string | undefined;
  readonly envoy: ProxyKind | undefined;
}

/** Finds the client of a question. Throws MeshError `not-found` with the names there are. */
export function findClient(snapshot: Snapshot, text: string): Client {
  const outside = /^outside(?::(?<address>.+))?$/.exec(text);
  if (outside !== null) {
    const address = outside.groups?.['address'] ?? '';
    if (address !== '' && isIP(address) === 0)
      throw new MeshError('bad-argument', `${JSON.stringify(address)} is no address`, {
        hint: 'write outside:10.0.0.1',
      });
    return { name: text, address, namespace: '', workload: undefined, identity: undefined, envoy: undefined };
  }
  if (text.startsWith('spiffe://')) {
    const [, namespace = ''] = /\/ns\/([^/]+)\//.exec(text) ?? [];
    return { name: text, address: '', namespace, workload: undefined, identity: text, envoy: 'sidecar' };
  }
  const { name, namespace } = parseName(text);
  const workload = findWorkload(snapshot, namespace, name) ?? podOf(snapshot, namespace, name);
  if (workload !== undefined) return ofWorkload(snapshot, workload);
  const [runs] = [...workloadsIn(snapshot, namespace)].filter((each) => each.serviceAccount === name);
  if (runs !== undefined || snapshot.serviceAccounts.get(namespace)?.has(name) === true) {
    return {
      name: `service account ${text}`,
      address: runs?.addresses[0] ?? '',
      namespace,
      workload: runs,
      identity: accountIdentity(snapshot, namespace, name),
      envoy: (runs && expectedEnvoy(snapshot, runs)) ?? 'sidecar',
    };
  }
  const known = [...workloadsIn(snapshot, namespace)].map(({ meta }) => `${meta.name}.${namespace}`);
  throw new MeshError('not-found', `nobody is called ${text}`, {
    hint: known.length === 0 ? `namespace ${namespace} has no workloads` : `there: ${known.slice(0, 10).join(', ')}`,
  });
}

/** The first pod that a Deployment, StatefulSet or the like of this name would have made. */
export function podOf(snapshot: Snapshot, namespace: string, name: string): Workload | undefined {
  const made = /^-[a-z0-9]+(-[a-z0-9]{5})?$/;
  return [...workloadsIn(snapshot, namespace)]
    .filter(({ meta }) => meta.name.startsWith(name) && made.test(meta.name.slice(name.length)))
    .toSorted((a, b) => (a.meta.name < b.meta.name ? -1 : 1))[0];
}

/** `NAME.NAMESPACE`; names may hold dots, namespaces may not. */
export function parseName(text: string): { readonly name: string; readonly namespace: string } {
  const dot = text.lastIndexOf('.');
  if (dot < 1 || dot === text.length - 1)
    throw new MeshError('bad-argument', `${JSON.stringify(text)} names nobody`, {
      hint: 'write POD.NAMESPACE, SERVICEACCOUNT.NAMESPACE or outside',
    });
  return { name: text.slice(0, dot), namespace: text.slice(dot + 1) };
}

/** Whether a sidecar stands before a workload. */
export const hasSidecar = ({ tlsMode }: Workload): boolean => tlsMode === 'istio';

/** Which kind of Envoy a workload has by what is written alone: a pod that some Gateway chooses and that has no sidecar is a router. */
export function expectedEnvoy(snapshot: Snapshot, workload: Workload): ProxyKind | undefined {
  if (hasSidecar(workload)) return 'sidecar';
  return isChosenByGateway(snapshot, workload) ? 'router' : undefined;
}

function isChosenByGateway({ gateways }: Snapshot, { labels }: Workload): boolean {
  return [...all(gateways)].some(({ selector }) => !selectsAll(selector) && selects(selector, labels));
}

/** What the sidecar of a workload proves to others. */
export function identityOf(snapshot: Snapshot, workload: Workload): SpiffeId | undefined {
  return envoyIdentity(snapshot, workload, hasSidecar(workload) ? 'sidecar' : undefined);
}

/** What an Envoy with this service account proves to others. */
export function accountIdentity({ mesh }: Snapshot, namespace: string, serviceAccount: string): SpiffeId {
  return spiffeId({ trustDomain: mesh.trustDomain, namespace, serviceAccount });
}

/** A router has an identity, too. */
export function envoyIdentity(
  snapshot: Snapshot,
  { meta, serviceAccount }: Workload,
  envoy: ProxyKind | undefined,
): SpiffeId | undefined {
  if (envoy === undefined || serviceAccount === '') return undefined;
  return accountIdentity(snapshot, meta.namespace, serviceAccount);
}

function ofWorkload(snapshot: Snapshot, workload: Workload): Client {
  const { name, namespace } = workload.meta;
  const envoy = expectedEnvoy(snapshot, workload);
  return {
    name: `${name}.${namespace}`,
    address: workload.addresses[0] ?? '',
    namespace,
    workload,
    identity: envoyIdentity(snapshot, workload, envoy),
    envoy,
  };
}
