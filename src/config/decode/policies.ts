import {
  failClosedAuthorizationPolicy,
  failClosedPeerAuthentication,
  failClosedRequestAuthentication,
} from '../fail-closed.ts';
import { authorizationPolicyFields, readAuthorizationPolicy } from './authorization-policy.ts';
import type { KindReader } from './kind.ts';
import { underSpec } from './networking.ts';
import { peerAuthenticationFields, readPeerAuthentication } from './peer-authentication.ts';
import { readRequestAuthentication, requestAuthenticationFields } from './request-authentication.ts';

const security = {
  group: 'security.istio.io',
  versions: ['v1', 'v1beta1'],
  namespaced: true,
  fields: ['spec', 'status'],
};

/** PeerAuthentication, whole (behaviour.md 1.1). Broken ones go through fail-closed.ts. */
export const peerAuthenticationReader: KindReader = {
  ...security,
  kind: 'PeerAuthentication',
  hints: underSpec(peerAuthenticationFields),
  read({ document, metadata, report, outside }) {
    const parts = readPeerAuthentication(document.get('spec'), outside);
    const closed = failClosedPeerAuthentication(metadata.meta, parts);
    return report.clean ? { object: closed.object } : closed;
  },
};

/** AuthorizationPolicy, whole (behaviour.md 1.3). Broken ones go through fail-closed.ts. */
export const authorizationPolicyReader: KindReader = {
  ...security,
  kind: 'AuthorizationPolicy',
  hints: underSpec(authorizationPolicyFields),
  read({ document, metadata, report, outside }) {
    const parts = readAuthorizationPolicy(
      document.get('spec'),
      document.get('metadata').child('annotations'),
      metadata.meta.namespace,
      outside,
    );
    const closed = failClosedAuthorizationPolicy(metadata.meta, parts);
    return report.clean ? { object: closed.object } : closed;
  },
};

/** RequestAuthentication, whole (behaviour.md 1.2). Broken ones go through fail-closed.ts. */
export const requestAuthenticationReader: KindReader = {
  ...security,
  kind: 'RequestAuthentication',
  hints: underSpec(requestAuthenticationFields),
  read({ document, metadata, report, outside }) {
    const parts = readRequestAuthentication(document.get('spec'), outside);
    const closed = failClosedRequestAuthentication(metadata.meta, parts);
    return report.clean ? { object: closed.object } : closed;
  },
};
