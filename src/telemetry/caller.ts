import { isIP } from 'node:net';
import { parseSpiffeId } from '../model/ids.ts';
import type { Labels } from '../model/object.ts';
import type { Workload } from '../model/workload.ts';
import type { Named, Snapshot } from '../snapshot/snapshot.ts';
import { ownText } from './own-text.ts';
import type { Report } from './report.ts';

/** Who called, as far as it's known. */
export interface Caller {
  /** Short name: of the workload behind the address, else of the service account, else the range of the address. */
  readonly source: string;
  /** SPIFFE ID without its scheme; '' over plaintext, where nobody proved anything. */
  readonly user: string;
}

/** Labels that name what a pod is part of, the most exact first. */
const nameLabels = ['service.istio.io/canonical-name', 'app.kubernetes.io/name', 'app'] as const;

/** More than the parts of a SPIFFE ID of Kubernetes can come to: 253, 63 and 253 letters, and what joins them. */
const maxIdentity = 640;
const maxForeign = 320;

interface Nameable {
  readonly meta: { readonly name: string };
  readonly labels: Labels;
}

/** What a pod is one of many of: counts by pod would start anew with every rollout. */
export function workloadName({ meta, labels }: Nameable): string {
  for (const label of nameLabels) {
    const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
    if (value !== undefined && value !== '') return value;
  }
  return meta.name;
}

/** Finds who stands behind a report. A name found by address alone is a help for the reader and no proof. */
export function callerOf({ peer, address }: Pick<Report, 'peer' | 'address'>, snapshot: Snapshot): Caller {
  const behind = workloadAt(snapshot, address);
  const identity = peer === '' || peer.length > maxIdentity ? undefined : parseSpiffeId(peer);
  if (identity?.ok === true) {
    const { trustDomain, namespace, serviceAccount } = identity.value;
    const user = ownText(`${trustDomain}/ns/${namespace}/sa/${serviceAccount}`, maxIdentity);
    const same = behind?.meta.namespace === namespace && behind.serviceAccount === serviceAccount;
    return { source: ownText(`${same ? workloadName(behind) : serviceAccount}.${namespace}`, maxIdentity), user };
  }
  if (peer !== '')
    return { source: addressClass(address), user: ownText(peer.replace(/^spiffe:\/\//, ''), maxForeign) };
  return {
    source: behind === undefined ? addressClass(address) : `${workloadName(behind)}.${behind.meta.namespace}`,
    user: '',
  };
}

/** The range that an address is in: single addresses would be keys without end. */
export function addressClass(address: string): string {
  switch (isIP(address)) {
    case 4:
      return address.startsWith('127.') ? 'loopback' : `${address.split('.').slice(0, 3).join('.')}.0/24`;
    case 6:
      return address === '::1' ? 'loopback' : `${groups(address).slice(0, 4).join(':')}::/64`;
    default:
      return 'unknown';
  }
}

/** The first groups of an IPv6 address, written out. */
function groups(address: string): readonly string[] {
  const [bare = ''] = address.split('%', 1);
  const [head = '', tail] = bare.split('::', 2);
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before;
  const after = tail === '' ? [] : tail.split(':');
  return [...before, ...Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0'), ...after];
}

/** By address, what runs there; undefined where several do, as on a node's own address. A namespace's map is made once. */
const indexes = new WeakMap<Named<Workload>, ReadonlyMap<string, Workload | undefined>>();

function workloadAt(snapshot: Snapshot, address: string): Workload | undefined {
  let found: Workload | undefined;
  for (const objects of [snapshot.pods, snapshot.workloadEntries]) {
    for (const named of objects.values()) {
      const index = indexOf(named);
      if (!index.has(address)) continue;
      const here = index.get(address);
      if (here === undefined || (found !== undefined && found.kind === here.kind)) return undefined;
      found ??= here;
    }
  }
  return found;
}

function indexOf(named: Named<Workload>): ReadonlyMap<string, Workload | undefined> {
  const known = indexes.get(named);
  if (known !== undefined) return known;
  const index = new Map<string, Workload | undefined>();
  for (const workload of named.values()) {
    for (const address of workload.addresses) {
      const other = index.get(address);
      // A pod that ended keeps its address in the API for a while.
      if (index.has(address) && other?.ready === workload.ready) index.set(address, undefined);
      else if (other === undefined || workload.ready) index.set(address, workload);
    }
  }
  indexes.set(named, index);
  return index;
}
