import { exportTo, hostOrWildcard } from './common.ts';
import { acceptedColumn, type Kind } from './definition.ts';
import { httpRoute } from './http-route.ts';
import { destination } from './route-parts.ts';
import { count, int32, list, object, rule, rules, text, textMap, texts } from './schema.ts';

const weighted = list(
  'Destinations, with their shares.',
  object('One destination.', { destination, weight: int32('Share of the traffic.') }, { required: ['destination'] }),
);

const matchFields = {
  destinationSubnets: texts('Addresses or CIDR blocks of the destination.'),
  port: count('Port that the client asked for.'),
  sourceLabels: textMap('Labels of the client.'),
  sourceNamespace: text('Namespace of the client.'),
  gateways: texts('Gateways that this is for; "mesh" stands for the sidecars.'),
};

const tlsRoute = object(
  'Where TLS connections go, by the name that the client sends.',
  {
    match: list(
      'Connections that this is for; one of them.',
      object(
        'Connections alike.',
        { sniHosts: texts('Names that the client sends.'), ...matchFields },
        { required: ['sniHosts'] },
      ),
    ),
    route: weighted,
  },
  { required: ['match'] },
);

const tcpRoute = object('Where TCP connections go.', {
  match: list(
    'Connections that this is for; one of them.',
    object('Connections alike.', {
      ...matchFields,
      sourceSubnet: text('Address or CIDR block of the client.'),
    }),
  ),
  route: weighted,
});

/** VirtualService (behaviour.md 5.7). */
export const virtualService: Kind = {
  group: 'networking.istio.io',
  kind: 'VirtualService',
  plural: 'virtualservices',
  shortName: 'vs',
  description: 'Says where requests for a host go.',
  columns: [
    { name: 'Gateways', type: 'string', jsonPath: '.spec.gateways', description: 'Gateways that hold these routes.' },
    { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts', description: 'Hosts that these routes are for.' },
    acceptedColumn,
  ],
  specRequired: true,
  spec: object(
    'Hosts, and where their traffic goes.',
    {
      hosts: list(
        'Hosts that clients ask for. Absent: other VirtualServices name this one as their delegate.',
        hostOrWildcard,
      ),
      gateways: texts('Gateways that hold these routes; "mesh" stands for the sidecars. Absent: the sidecars.'),
      http: list('Routes of HTTP requests; the first that matches.', httpRoute),
      tls: list('Routes of TLS connections that are not opened; the first that matches.', tlsRoute),
      tcp: list('Routes of other connections; the first that matches.', tcpRoute),
      exportTo,
    },
    rules(
      rule(
        'a VirtualService needs routes: http, tls or tcp',
        ['http', 'tls', 'tcp'].map((name) => `(has(self.${name}) && size(self.${name}) > 0)`).join(' || '),
      ),
      rule(
        'without hosts this is a delegate, which has http alone',
        `(has(self.hosts) && size(self.hosts) > 0) || !(${['gateways', 'tls', 'tcp'].map((name) => `(has(self.${name}) && size(self.${name}) > 0)`).join(' || ')})`,
      ),
    ),
  ),
};
