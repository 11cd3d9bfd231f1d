import { expect } from 'chai';
import { Field } from '../../../../src/config/decode/field.ts';
import { readNetworkingPort } from '../../../../src/config/decode/networking-port.ts';
import { Report } from '../../../../src/config/decode/report.ts';

function read(value: object, rules = { least: 1, nameRequired: true }) {
  const origin = { kind: 'file', path: 'f.yaml', line: 1 } as const;
  const report = new Report({ object: '', origin, positions: undefined });
  const field = new Field(value, ['port'], report);
  const fields = field.fields(['number', 'name', 'protocol']);
  return { port: fields && readNetworkingPort(field, fields, rules), codes: report.findings.map(({ code }) => code) };
}

describe('readNetworkingPort', () => {
  it('knows each protocol of the API, in whatever case', () => {
    const protocols = [
      'HTTP',
      'Http2',
      'grpc',
      'GRPC-Web',
      'HTTP_PROXY',
      'HTTPS',
      'TLS',
      'TCP',
      'MONGO',
      'MySQL',
      'REDIS',
    ];
    expect(
      [...protocols, 'UDP', undefined].map((protocol) => read({ number: 1, name: 'x', protocol }).port?.protocol),
    ).to.deep.equal(['http', 'http2', 'grpc', 'http', 'http', 'tls', 'tls', 'tcp', 'tcp', 'tcp', 'tcp', 'udp', 'auto']);
  });

  it('takes no inherited property for a protocol', () => {
    expect(read({ number: 1, name: 'x', protocol: 'constructor' })).to.deep.equal({
      port: undefined,
      codes: ['bad-value'],
    });
  });

  it('needs a number and a name where those are asked for', () => {
    expect(read({}).codes).to.deep.equal(['missing-field', 'missing-field']);
    expect(read({}, { least: 0, nameRequired: false })).to.deep.equal({
      port: { number: 0, name: '', protocol: 'auto' },
      codes: [],
    });
  });
});
