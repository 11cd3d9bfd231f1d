import { expect } from 'chai';
import { parseAppProbes } from '../../../src/agent/app-probe.ts';

const path = '/app-health/web/readyz';
const one = (entry: object): unknown => parseAppProbes(JSON.stringify({ [path]: entry }))[0];

describe('agent/app-probe', () => {
  it('reads each kind, with the defaults of the kubelet', () => {
    expect(one({ httpGet: {}, port: 80 })).to.deep.equal({
      kind: 'http',
      path,
      port: 80,
      target: '/',
      tls: false,
      timeoutSeconds: 1,
    });
    const pace = { timeoutSeconds: 1, periodSeconds: 10 };
    expect(one({ tcpSocket: { port: 'x' }, port: 80 })).to.deep.equal({ kind: 'tcp', path, port: 80, pace });
    expect(one({ grpc: { port: 80, service: null }, port: 80, timeoutSeconds: 3, periodSeconds: 2 })).to.deep.equal({
      kind: 'grpc',
      path,
      port: 80,
      service: '',
      pace: { timeoutSeconds: 3, periodSeconds: 2 },
    });
  });

  it('takes the last Host header, in whatever case, and a path without a slash', () => {
    const httpHeaders = [
      { name: 'host', value: 'a' },
      { name: 'HOST', value: 'b' },
    ];
    expect(
      one({ httpGet: { path: 'live', scheme: 'HTTPS', httpHeaders }, port: 443, timeoutSeconds: 9 }),
    ).to.deep.equal({
      kind: 'http',
      path,
      port: 443,
      target: '/live',
      tls: true,
      host: 'b',
      timeoutSeconds: 9,
    });
  });

  const bad: readonly (readonly [text: string, message: string])[] = [
    ['{', 'COXSWAIN_APP_PROBES is not JSON'],
    ['[]', 'COXSWAIN_APP_PROBES: it is not an object'],
    ['{"/":{"tcpSocket":{},"port":1}}', 'COXSWAIN_APP_PROBES: "/" is no path of a probe'],
    ['{"/app-health/../x":{"tcpSocket":{},"port":1}}', 'COXSWAIN_APP_PROBES: "/app-health/../x" is no path of a probe'],
    [`{"${path}":1}`, `COXSWAIN_APP_PROBES: "${path}" is not an object`],
    [`{"${path}":{"tcpSocket":{}}}`, `COXSWAIN_APP_PROBES: "${path}" port is not a number from 1 to 65535`],
    [`{"${path}":{"exec":{},"port":1}}`, `COXSWAIN_APP_PROBES: "${path}" has neither httpGet nor tcpSocket nor grpc`],
    [
      `{"${path}":{"httpGet":{"path":"/a b"},"port":1}}`,
      `COXSWAIN_APP_PROBES: "${path}" path holds what can not stand in a request`,
    ],
    [
      `{"${path}":{"httpGet":{"scheme":"FTP"},"port":1}}`,
      `COXSWAIN_APP_PROBES: "${path}" scheme is neither HTTP nor HTTPS`,
    ],
  ];
  for (const [text, message] of bad) {
    it(`refuses ${text}`, () => {
      expect(() => parseAppProbes(text)).to.throw(message);
    });
  }
});
