import { conditionColumns, type Kind } from './definition.ts';
import { count, list, object, rule, rules, text, textMap, texts, whole } from './schema.ts';
import { serverTls } from './tls.ts';

/** What plaintext has no use for. */
const serverKeys = ['serverCertificate', 'privateKey', 'tlsCertificates', 'credentialName', 'credentialNames']
  .map((name) => `has(self.tls.${name})`)
  .concat("has(self.tls.mode) && self.tls.mode != 'PASSTHROUGH'")
  .join(' || ');

const server = object(
  'One port, and the hosts on it.',
  {
    name: text('Name of the server.'),
    port: object(
      'The port.',
      {
        number: whole('Its number; 0 for a Unix socket.', 0, 65_535),
        name: text('Its name.', { pattern: '^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$' }),
        protocol: text('HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, MYSQL, REDIS, TCP or TLS.', {
          maxLength: 8,
          pattern: '^(?i:http|http2|grpc|grpc-web|https|tls|tcp|mongo|mysql|redis)$',
        }),
        targetPort: count('Has no effect here.'),
      },
      { required: ['protocol', 'name'] },
    ),
    bind: text('Address or Unix socket to listen on.'),
    hosts: texts('Hosts that this is for, as host, namespace/host or ./host.'),
    tls: serverTls,
    defaultEndpoint: text('Where traffic goes by default.'),
  },
  {
    required: ['port', 'hosts'],
    ...rules(
      rule(
        'a port has a number, but for a Unix socket',
        "has(self.bind) && self.bind.startsWith('unix://') ? (!has(self.port.number) || self.port.number == 0) : (has(self.port.number) && self.port.number > 0)",
      ),
      rule('protocol HTTPS or TLS needs tls', `has(self.tls) || !self.port.protocol.matches('^(?i:https|tls)$')`),
      rule(
        'plaintext HTTP takes no tls but httpsRedirect',
        `!has(self.tls) || !(${serverKeys}) || !self.port.protocol.matches('^(?i:http|http2|grpc|grpc-web)$')`,
      ),
      rule(
        'plaintext TCP takes no tls',
        `!has(self.tls) || !self.port.protocol.matches('^(?i:tcp|mongo|mysql|redis)$')`,
      ),
    ),
  },
);

/** Gateway (behaviour.md 5.1). */
export const gateway: Kind = {
  group: 'networking.istio.io',
  kind: 'Gateway',
  plural: 'gateways',
  shortName: 'gw',
  description: 'Ports and hosts that proxies at the edge of the mesh serve.',
  columns: conditionColumns,
  specRequired: true,
  spec: object(
    'Proxies, and what they serve.',
    {
      selector: textMap('Labels of the proxies, in any namespace. Absent: all proxies at the edge.'),
      servers: list('Ports that they serve.', server, { minItems: 1 }),
    },
    { required: ['servers'] },
  ),
};
