import { labelsSelector } from './common.ts';
import { conditionColumns, type Kind } from './definition.ts';
import { destination } from './route-parts.ts';
import { choice, count, list, object, rule, rules, text, texts } from './schema.ts';
import { serverTls } from './tls.ts';
import { connectionPool } from './traffic-policy.ts';

const port = object('The port.', {
  number: count('Its number.'),
  name: text('Its name.'),
  protocol: text('Its protocol.'),
  targetPort: count('Has no effect here.'),
});

const listener = {
  port,
  bind: text('Address or Unix socket to listen on.'),
  captureMode: choice('Whether traffic is intercepted.', ['DEFAULT', 'IPTABLES', 'NONE']),
};

/** Sidecar. */
export const sidecar: Kind = {
  group: 'networking.istio.io',
  kind: 'Sidecar',
  plural: 'sidecars',
  description: 'What the sidecars of workloads take in, and what they know of the mesh.',
  columns: conditionColumns,
  specRequired: true,
  spec: object(
    'Workloads, and what their sidecars do.',
    {
      workloadSelector: labelsSelector,
      ingress: list(
        'Listeners for what comes in. Absent: by the services of the workload.',
        object(
          'One listener.',
          {
            ...listener,
            defaultEndpoint: text('Where the workload listens, such as 127.0.0.1:8080.'),
            tls: serverTls,
            connectionPool,
          },
          { required: ['port'] },
        ),
      ),
      egress: list(
        'Listeners for what goes out. Absent: every service.',
        object(
          'One listener.',
          { ...listener, hosts: texts('Services that can be reached, as namespace/host.') },
          { required: ['hosts'] },
        ),
      ),
      inboundConnectionPool: connectionPool,
      outboundTrafficPolicy: object(
        'What is done with traffic to unknown hosts.',
        {
          mode: choice('Refuse it, or let it out.', ['REGISTRY_ONLY', 'ALLOW_ANY']),
          egressProxy: { ...destination, description: 'Where it is sent.' },
        },
        rules(
          rule(
            'egressProxy needs mode ALLOW_ANY',
            "!has(self.egressProxy) || (has(self.mode) && self.mode == 'ALLOW_ANY')",
          ),
        ),
      ),
    },
    rules(
      rule(
        'a Sidecar says something of ingress, egress or outboundTrafficPolicy',
        'has(self.ingress) || has(self.egress) || has(self.inboundConnectionPool) || has(self.outboundTrafficPolicy)',
      ),
    ),
  ),
};
