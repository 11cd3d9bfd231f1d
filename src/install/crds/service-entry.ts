import { exportTo, hostOrWildcard, labelsSelector, port } from './common.ts';
import { acceptedColumn, type Kind } from './definition.ts';
import { atMostOne, choice, list, object, rule, rules, text, texts } from './schema.ts';
import { endpoint } from './workload-entry.ts';

const servicePort = object(
  'One port.',
  {
    number: port('Its number.'),
    name: text('Its name.', { maxLength: 256 }),
    protocol: text('Its protocol, such as HTTP or TCP.'),
    targetPort: port('Port of the endpoints; the same by default.'),
  },
  { required: ['number', 'name'] },
);

/** ServiceEntry (behaviour.md 4.6). */
export const serviceEntry: Kind = {
  group: 'networking.istio.io',
  kind: 'ServiceEntry',
  plural: 'serviceentries',
  shortName: 'se',
  description: 'A service that Kubernetes does not know.',
  columns: [
    { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts', description: 'Names of the service.' },
    { name: 'Location', type: 'string', jsonPath: '.spec.location', description: 'In the mesh, or outside.' },
    { name: 'Resolution', type: 'string', jsonPath: '.spec.resolution', description: 'How its endpoints are found.' },
    acceptedColumn,
  ],
  specRequired: true,
  spec: object(
    'Names, ports and endpoints of the service.',
    {
      hosts: list(
        'Names of the service.',
        { ...hostOrWildcard, minLength: 1, description: 'A name; "*." stands for what comes before.' },
        {
          minItems: 1,
          maxItems: 256,
          ...rules(rule('"*" alone would stand for every host', "!self.exists(host, host == '*')")),
        },
      ),
      addresses: list(
        'Virtual addresses of the service, or CIDR blocks.',
        { type: 'string', maxLength: 64 },
        { maxItems: 256 },
      ),
      ports: list('Ports of the service.', servicePort, {
        maxItems: 256,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        ...rules(rule('port numbers must differ', 'self.all(a, self.exists_one(b, a.number == b.number))')),
      }),
      location: choice('MESH_EXTERNAL (the default) or MESH_INTERNAL.', ['MESH_EXTERNAL', 'MESH_INTERNAL']),
      resolution: choice('How the endpoints are found.', ['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS']),
      endpoints: list('Endpoints of the service.', endpoint, { maxItems: 4096 }),
      workloadSelector: labelsSelector,
      exportTo,
      subjectAltNames: texts('Names of which a server certificate must hold one.'),
    },
    {
      required: ['hosts'],
      ...rules(
        atMostOne('workloadSelector', 'endpoints'),
        rule(
          'CIDR blocks are for resolution NONE and STATIC',
          "!has(self.addresses) || !has(self.resolution) || self.resolution in ['NONE', 'STATIC'] || !self.addresses.exists(address, address.contains('/'))",
        ),
        rule(
          'resolution NONE takes no endpoints',
          "!has(self.endpoints) || size(self.endpoints) == 0 || (has(self.resolution) && self.resolution != 'NONE')",
        ),
        rule(
          'resolution DNS_ROUND_ROBIN takes at most one endpoint',
          "!has(self.endpoints) || !has(self.resolution) || self.resolution != 'DNS_ROUND_ROBIN' || size(self.endpoints) <= 1",
        ),
        rule(
          'resolution DYNAMIC_DNS takes wildcard hosts, and no addresses',
          "!has(self.resolution) || self.resolution != 'DYNAMIC_DNS' || (self.hosts.all(host, host.startsWith('*')) && (!has(self.addresses) || size(self.addresses) == 0))",
        ),
      ),
    },
  ),
};
