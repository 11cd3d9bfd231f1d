import { expect } from 'chai';
import { type LeafNames, leafTemplate } from '../../../src/ca/template.ts';
import { trustDomain } from '../../../src/model/ids.ts';
import { failure, hour, start, webappNames } from './helpers.ts';

const serial = Buffer.from('01');
const publicKey = Buffer.from('key');
const issuer = { notAfter: start + 1000 * 24 * hour };

describe('ca/template', () => {
  it('lets a leaf begin two minutes before the present, and end after its life', () => {
    expect(leafTemplate({ names: webappNames, publicKey, ttlMs: hour }, issuer, start + 999, serial)).to.deep.equal({
      names: webappNames,
      publicKey,
      serial,
      notBefore: start - 120_000,
      notAfter: start + hour,
    });
  });

  const lives: readonly (readonly [what: string, ttlMs: number, issuerEnds: number, expected: number])[] = [
    ['the default for 0', 0, issuer.notAfter, start + 24 * hour],
    ['the default for less', -1, issuer.notAfter, start + 24 * hour],
    ['the longest that may be asked for', 2160 * hour, issuer.notAfter, start + 2160 * hour],
    ['what its issuer has left', 24 * hour, start + hour + 500, start + hour],
  ];
  for (const [what, ttlMs, notAfter, expected] of lives) {
    it(`gives it ${what}`, () => {
      expect(leafTemplate({ names: webappNames, publicKey, ttlMs }, { notAfter }, start, serial).notAfter).to.equal(
        expected,
      );
    });
  }

  const server = (dnsNames: readonly string[], ipAddresses: readonly string[] = []): LeafNames => ({
    kind: 'server',
    dnsNames,
    ipAddresses,
  });
  const workload = (namespace: string, serviceAccount: string, domain = 'cluster.local'): LeafNames => ({
    kind: 'workload',
    identity: { trustDomain: trustDomain(domain), namespace, serviceAccount },
  });
  const notSpiffe = 'not a workload SPIFFE ID (want spiffe://<trust domain>/ns/<namespace>/sa/<service account>): ';
  const wrong: readonly (readonly [
    what: string,
    names: LeafNames,
    ttlMs: number,
    notAfter: number,
    message: string,
  ])[] = [
    [
      'a life beyond the longest',
      webappNames,
      2161 * hour,
      issuer.notAfter,
      'a certificate may live for 2160 hours at most, not 2161',
    ],
    ['no number', webappNames, Number.NaN, issuer.notAfter, 'a certificate may live for 2160 hours at most, not NaN'],
    ['an expired issuer', webappNames, hour, start, 'the signing certificate expired at 2024-01-01T00:00:00.000Z'],
    ['an empty namespace', workload('', 'a'), hour, issuer.notAfter, `${notSpiffe}"spiffe://cluster.local/ns//sa/a"`],
    [
      'an empty service account',
      workload('a', ''),
      hour,
      issuer.notAfter,
      `${notSpiffe}"spiffe://cluster.local/ns/a/sa/"`,
    ],
    [
      'a path in a namespace',
      workload('a/sa/b', 'c'),
      hour,
      issuer.notAfter,
      `${notSpiffe}"spiffe://cluster.local/ns/a/sa/b/sa/c"`,
    ],
    [
      'a second name in an account',
      workload('a', 'b, URI:x'),
      hour,
      issuer.notAfter,
      `${notSpiffe}"spiffe://cluster.local/ns/a/sa/b, URI:x"`,
    ],
    [
      'a trust domain in capitals',
      workload('a', 'b', 'Cluster'),
      hour,
      issuer.notAfter,
      `${notSpiffe}"spiffe://Cluster/ns/a/sa/b"`,
    ],
    [
      'a server without a name',
      server([]),
      hour,
      issuer.notAfter,
      'a server certificate needs at least one DNS name or address',
    ],
    ['a DNS name with a space', server(['a b']), hour, issuer.notAfter, 'not a DNS name: "a b"'],
    ['a DNS name with a comma', server(['a,DNS:b']), hour, issuer.notAfter, 'not a DNS name: "a,DNS:b"'],
    ['an address that is none', server([], ['10.0.0']), hour, issuer.notAfter, 'not an IP address: "10.0.0"'],
    [
      'an address with a zone',
      server([], ['fe80::1%eth0']),
      hour,
      issuer.notAfter,
      'not an IP address: "fe80::1%eth0"',
    ],
  ];
  for (const [what, names, ttlMs, notAfter, message] of wrong) {
    it(`refuses ${what}`, async () => {
      const error = await failure(() => leafTemplate({ names, publicKey, ttlMs }, { notAfter }, start, serial));
      expect(error.message).to.equal(message);
    });
  }
});
