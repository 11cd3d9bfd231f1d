import { labels, port } from './common.ts';
import type { Kind } from './definition.ts';
import { count, map, object, rule, rules, text } from './schema.ts';

const fields = {
  address: text('IP address, host name or Unix socket of the workload.', { minLength: 1 }),
  ports: map('Ports by name.', port('The port that the workload listens on.')),
  labels: labels('Labels of the workload, for selectors.'),
  network: text('Network that the workload is in.'),
  locality: text('Region, zone and sub-zone, as region/zone/sub-zone.'),
  weight: count('Share of the load among its like.'),
  serviceAccount: text('Service account that the workload runs as.'),
};

/** Fields of a workload that stands in no pod (behaviour.md 4.6). */
export const endpoint = object(
  'One workload outside Kubernetes.',
  fields,
  rules(rule('an address is required where no network is named', 'has(self.address) || has(self.network)')),
);

/** WorkloadEntry. */
export const workloadEntry: Kind = {
  group: 'networking.istio.io',
  kind: 'WorkloadEntry',
  plural: 'workloadentries',
  shortName: 'we',
  description: 'A workload outside Kubernetes that takes part in the mesh.',
  columns: [{ name: 'Address', type: 'string', jsonPath: '.spec.address', description: 'Where the workload is.' }],
  specRequired: true,
  spec: endpoint,
};
