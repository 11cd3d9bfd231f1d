import { authorizationPolicy } from './authorization-policy.ts';
import { type CustomResourceDefinition, definitionOf, type Kind } from './definition.ts';
import { destinationRule } from './destination-rule.ts';
import { gateway } from './gateway.ts';
import { peerAuthentication } from './peer-authentication.ts';
import { requestAuthentication } from './request-authentication.ts';
import { serviceEntry } from './service-entry.ts';
import { sidecar } from './sidecar.ts';
import { virtualService } from './virtual-service.ts';
import { workloadEntry } from './workload-entry.ts';

const kinds: readonly Kind[] = [
  peerAuthentication,
  requestAuthentication,
  authorizationPolicy,
  destinationRule,
  virtualService,
  gateway,
  serviceEntry,
  workloadEntry,
  sidecar,
];

/** Our CustomResourceDefinitions, in a stable order. deploy/crds/ holds the same as files. */
export function customResourceDefinitions(): readonly CustomResourceDefinition[] {
  return kinds.map(definitionOf);
}
