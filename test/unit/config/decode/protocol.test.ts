import { expect } from 'chai';
import { portProtocol } from '../../../../src/config/decode/protocol.ts';

describe('protocol of a Service port', () => {
  const cases: readonly (readonly [
    name: string,
    appProtocol: string | undefined,
    port: number,
    transport: string,
    protocol: string | undefined,
  ])[] = [
    ['http', undefined, 80, 'TCP', 'http'],
    ['http-web', undefined, 80, 'TCP', 'http'],
    ['HTTP-web', undefined, 80, 'TCP', 'http'],
    ['httpweb', undefined, 80, 'TCP', 'auto'],
    ['http2', undefined, 80, 'TCP', 'http2'],
    ['http2-x', undefined, 80, 'TCP', 'http2'],
    ['grpc', undefined, 80, 'TCP', 'grpc'],
    ['grpc-api', undefined, 80, 'TCP', 'grpc'],
    ['grpc-web', undefined, 80, 'TCP', 'http'],
    ['grpc-web-x', undefined, 80, 'TCP', 'http'],
    ['https', undefined, 443, 'TCP', 'tls'],
    ['tls-x', undefined, 443, 'TCP', 'tls'],
    ['tcp', undefined, 80, 'TCP', 'tcp'],
    ['mongo', undefined, 80, 'TCP', 'tcp'],
    ['mysql-db', undefined, 80, 'TCP', 'tcp'],
    ['redis', undefined, 80, 'TCP', 'tcp'],
    ['udp-x', undefined, 80, 'TCP', undefined],
    ['', undefined, 80, 'TCP', 'auto'],
    ['web', undefined, 80, 'TCP', 'auto'],
    ['constructor', undefined, 80, 'TCP', 'auto'],
    ['', undefined, 25, 'TCP', 'tcp'],
    ['', undefined, 53, 'TCP', 'tcp'],
    ['smtp', undefined, 25, 'TCP', 'tcp'],
    ['', undefined, 3306, 'TCP', 'tcp'],
    ['', undefined, 27017, 'TCP', 'tcp'],
    ['http', undefined, 3306, 'TCP', 'http'],
    ['tcp-x', 'http', 80, 'TCP', 'http'],
    ['http', 'tcp', 80, 'TCP', 'tcp'],
    ['http', 'unheard-of', 80, 'TCP', 'auto'],
    ['tcp', 'kubernetes.io/h2c', 80, 'TCP', 'http2'],
    ['tcp', 'kubernetes.io/ws', 80, 'TCP', 'http'],
    ['tcp', 'kubernetes.io/wss', 80, 'TCP', 'tls'],
    ['http', undefined, 80, 'UDP', undefined],
    ['http', undefined, 80, 'SCTP', undefined],
  ];
  for (const [name, appProtocol, port, transport, protocol] of cases) {
    it(`${transport} ${port} ${JSON.stringify(name)} ${appProtocol ?? ''} is ${protocol ?? 'left out'}`, () => {
      expect(portProtocol({ name, appProtocol, port, transport })).to.equal(protocol);
    });
  }
});
