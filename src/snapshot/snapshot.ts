import type { AuthorizationPolicy } from '../model/authorization-policy.ts';
import type { DestinationRule } from '../model/destination-rule.ts';
import type { Gateway } from '../model/gateway.ts';
import type { KeySet } from '../model/key-set.ts';
import type { Mesh } from '../model/mesh.ts';
import type { MeshObject } from '../model/mesh-object.ts';
import type { PeerAuthentication } from '../model/peer-authentication.ts';
import type { RequestAuthentication } from '../model/request-authentication.ts';
import type { Secret } from '../model/secret.ts';
import type { EndpointSlice, Service } from '../model/service.ts';
import type { ServiceEntry } from '../model/service-entry.ts';
import type { Sidecar } from '../model/sidecar.ts';
import type { VirtualService } from '../model/virtual-service.ts';
import type { Namespace, ServiceAccount, Workload } from '../model/workload.ts';

/** The objects of one kind in one namespace, by name. */
export type Named<T> = ReadonlyMap<string, T>;
/** The objects of one kind: by namespace, then by name. Empty namespaces are left out. */
export type ByNamespace<T> = ReadonlyMap<string, Named<T>>;

/**
 * Everything known at one moment. Frozen: a change makes a new snapshot that shares all maps it didn't touch, so "is it
 * the same?" is a comparison of references.
 */
export interface Snapshot {
  /** Grows by one with every change; for logs and debug pages, never for versions. */
  readonly generation: number;
  readonly mesh: Mesh;
  readonly namespaces: ByNamespace<Namespace>;
  readonly serviceAccounts: ByNamespace<ServiceAccount>;
  readonly pods: ByNamespace<Workload>;
  readonly workloadEntries: ByNamespace<Workload>;
  readonly services: ByNamespace<Service>;
  readonly endpointSlices: ByNamespace<EndpointSlice>;
  readonly peerAuthentications: ByNamespace<PeerAuthentication>;
  readonly requestAuthentications: ByNamespace<RequestAuthentication>;
  readonly authorizationPolicies: ByNamespace<AuthorizationPolicy>;
  readonly destinationRules: ByNamespace<DestinationRule>;
  readonly virtualServices: ByNamespace<VirtualService>;
  readonly serviceEntries: ByNamespace<ServiceEntry>;
  readonly sidecars: ByNamespace<Sidecar>;
  readonly gateways: ByNamespace<Gateway>;
  readonly secrets: ByNamespace<Secret>;
  /** What was fetched of the issuers' keys, by id. An issuer that isn't here has no keys yet. */
  readonly keySets: ReadonlyMap<string, KeySet>;
}

/** The snapshot's field that holds a kind. */
export const fieldOfKind = {
  Namespace: 'namespaces',
  ServiceAccount: 'serviceAccounts',
  Pod: 'pods',
  WorkloadEntry: 'workloadEntries',
  Service: 'services',
  EndpointSlice: 'endpointSlices',
  PeerAuthentication: 'peerAuthentications',
  RequestAuthentication: 'requestAuthentications',
  AuthorizationPolicy: 'authorizationPolicies',
  DestinationRule: 'destinationRules',
  VirtualService: 'virtualServices',
  ServiceEntry: 'serviceEntries',
  Sidecar: 'sidecars',
  Gateway: 'gateways',
  Secret: 'secrets',
} as const satisfies Record<MeshObject['kind'], keyof Snapshot>;

export function emptySnapshot(mesh: Mesh): Snapshot {
  return {
    generation: 0,
    mesh,
    namespaces: new Map(),
    serviceAccounts: new Map(),
    pods: new Map(),
    workloadEntries: new Map(),
    services: new Map(),
    endpointSlices: new Map(),
    peerAuthentications: new Map(),
    requestAuthentications: new Map(),
    authorizationPolicies: new Map(),
    destinationRules: new Map(),
    virtualServices: new Map(),
    serviceEntries: new Map(),
    sidecars: new Map(),
    gateways: new Map(),
    secrets: new Map(),
    keySets: new Map(),
  };
}

/** All objects of one kind in a namespace; empty where there are none. */
export function inNamespace<T>(objects: ByNamespace<T>, namespace: string): Iterable<T> {
  return objects.get(namespace)?.values() ?? [];
}

/** Every object of one kind, by namespace. */
export function* all<T>(objects: ByNamespace<T>): Iterable<T> {
  for (const named of objects.values()) yield* named.values();
}
