import type { AuthorizationPolicy } from './authorization-policy.ts';
import type { DestinationRule } from './destination-rule.ts';
import type { Gateway } from './gateway.ts';
import type { PeerAuthentication } from './peer-authentication.ts';
import type { RequestAuthentication } from './request-authentication.ts';
import type { Secret } from './secret.ts';
import type { EndpointSlice, Service } from './service.ts';
import type { ServiceEntry } from './service-entry.ts';
import type { Sidecar } from './sidecar.ts';
import type { VirtualService } from './virtual-service.ts';
import type { Namespace, ServiceAccount, Workload } from './workload.ts';

/** Every object that Coxswain reads, parsed once at the edge. */
export type MeshObject =
  | Namespace
  | ServiceAccount
  | Workload
  | Service
  | EndpointSlice
  | PeerAuthentication
  | RequestAuthentication
  | AuthorizationPolicy
  | DestinationRule
  | VirtualService
  | ServiceEntry
  | Sidecar
  | Gateway
  | Secret;

export type MeshKind = MeshObject['kind'];
