import type { Kind } from './definition.ts';
import { count, list, object, text, textMap, texts } from './schema.ts';
import { serverTls } from './tls.ts';

const server = object(
  'One port, and the hosts on it.',
  {
    name: text('Name of the server.'),
    port: object(
      'The port.',
      {
        number: count('Its number; 0 for a Unix socket.'),
        name: text('Its name.'),
        protocol: text('HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP or TLS.'),
        targetPort: count('Has no effect here.'),
      },
      { required: ['number', 'protocol', 'name'] },
    ),
    bind: text('Address or Unix socket to listen on.'),
    hosts: texts('Hosts that this is for, as host, namespace/host or ./host.'),
    tls: serverTls,
    defaultEndpoint: text('Where traffic goes by default.'),
  },
  { required: ['port', 'hosts'] },
);

/** Gateway (behaviour.md 5.1). */
export const gateway: Kind = {
  group: 'networking.istio.io',
  kind: 'Gateway',
  plural: 'gateways',
  shortName: 'gw',
  description: 'Ports and hosts that proxies at the edge of the mesh serve.',
  columns: [],
  spec: object('Proxies, and what they serve.', {
    selector: textMap('Labels of the proxies, in any namespace. Absent: all proxies at the edge.'),
    servers: list('Ports that they serve.', server),
  }),
};
