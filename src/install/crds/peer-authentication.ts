import { portKeys, workloadSelector } from './common.ts';
import { conditionColumns, type Kind } from './definition.ts';
import { choice, map, object, rule, rules } from './schema.ts';

const mtls = object('How peers must prove who they are.', {
  mode: choice(
    'STRICT: mTLS only. PERMISSIVE: mTLS and plaintext. DISABLE: plaintext only. UNSET: what the wider policy says.',
    ['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT'],
  ),
});

/** PeerAuthentication (behaviour.md 1.1). */
export const peerAuthentication: Kind = {
  group: 'security.istio.io',
  kind: 'PeerAuthentication',
  plural: 'peerauthentications',
  shortName: 'pa',
  description: 'Says whether workloads take mTLS, plaintext or both from their clients.',
  columns: [
    { name: 'Mode', type: 'string', jsonPath: '.spec.mtls.mode', description: 'Mode of all ports without their own.' },
    ...conditionColumns,
  ],
  spec: object(
    'Mode of the workloads, and of single ports.',
    {
      selector: workloadSelector,
      mtls,
      portLevelMtls: map('Modes of single ports; a key is the port that the workload listens on.', mtls, {
        minProperties: 1,
        maxProperties: 65_535,
        ...rules(portKeys),
      }),
    },
    rules(
      rule(
        'portLevelMtls needs a selector with labels',
        '!has(self.portLevelMtls) || (has(self.selector) && has(self.selector.matchLabels) && size(self.selector.matchLabels) > 0)',
      ),
    ),
  ),
};
