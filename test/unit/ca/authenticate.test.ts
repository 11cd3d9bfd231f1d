import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { expect } from 'chai';
import { createAuthenticator } from '../../../src/ca/authenticate.ts';
import type { Authority } from '../../../src/ca/authority.ts';
import { type JoinKeys, openJoinKeys } from '../../../src/ca/join-keys.ts';
import { issueJoinToken } from '../../../src/ca/join-token.ts';
import { openAuthority } from '../../../src/ca/open-authority.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { trustDomain } from '../../../src/model/ids.ts';
import type { Credentials, Peer } from '../../../src/xds/provider.ts';
import { failure, hour, leaf, mesh, start, temporaryDirectory, testAuthority, webapp } from './helpers.ts';

const spiffe = 'spiffe://cluster.local/ns/istioinaction/sa/webapp';
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** What a leaf that another library signs with our key may have, other than ours. */
interface Odd {
  readonly names?: readonly (readonly [type: 'url' | 'dns' | 'ip', value: string])[];
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly authority?: boolean;
  readonly usage?: string;
}

describe('ca/authenticate', () => {
  let authority: Authority;
  let keys: JoinKeys;
  let signingKey: webcrypto.CryptoKey;
  let leafKeys: webcrypto.CryptoKeyPair;

  before(async () => {
    await using directory = await temporaryDirectory();
    authority = await openAuthority(directory.path, { trustDomain: mesh, clock: new FakeClock(start) });
    keys = await openJoinKeys(directory.path);
    const pem = await readFile(join(directory.path, 'ca/ca-key.pem'), 'utf8');
    const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\n/g, ''), 'base64');
    signingKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
    leafKeys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  });

  async function odd({
    names = [['url', spiffe]],
    notBefore = start - hour,
    notAfter = start + hour,
    authority: ca = false,
    usage = x509.ExtendedKeyUsage.clientAuth,
  }: Odd): Promise<Uint8Array> {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: '01',
      subject: '',
      issuer: new x509.X509Certificate(authority.roots[0] ?? '').subjectName,
      notBefore: new Date(notBefore),
      notAfter: new Date(notAfter),
      signingKey,
      publicKey: leafKeys.publicKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(ca, undefined, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        ...(names.length === 0
          ? []
          : [
              new x509.SubjectAlternativeNameExtension(
                names.map(([type, value]) => ({ type, value })),
                true,
              ),
            ]),
      ],
    });
    return new Uint8Array(certificate.rawData);
  }

  const authenticate = (
    credentials: Partial<Credentials>,
    options: { readonly now?: number; readonly allowPlaintext?: boolean } = {},
  ): Promise<Peer> =>
    createAuthenticator({
      authority,
      joinKeys: keys,
      clock: new FakeClock(options.now ?? start),
      trustDomainAliases: [trustDomain('old.example')],
      allowPlaintext: options.allowPlaintext ?? false,
    }).authenticate({ authorization: '', certificate: undefined, plaintext: false, ...credentials });

  const bearer = async (): Promise<string> =>
    `Bearer ${(await issueJoinToken(keys, { identity: webapp, pod: 'webapp-1', ttlMs: 2 * hour }, new FakeClock(start))).reveal()}`;
  const der = (pem: string): Uint8Array => new Uint8Array(new x509.X509Certificate(pem).rawData);
  const svid: Peer = { kind: 'proven', identity: webapp, pod: undefined, expiresAt: start + hour, by: 'svid' };
  const joined: Peer = {
    kind: 'proven',
    identity: webapp,
    pod: 'webapp-1',
    expiresAt: start + 2 * hour,
    by: 'join-token',
  };

  it('believes an SVID that we signed', async () => {
    expect(await authenticate({ certificate: der(leaf(authority, undefined, hour).chain) })).to.deep.equal(svid);
  });

  it('believes a join token', async () => {
    expect(await authenticate({ authorization: await bearer() })).to.deep.equal(joined);
  });

  it('takes the name of the scheme in any case', async () => {
    expect(await authenticate({ authorization: (await bearer()).replace('Bearer', 'bearer') })).to.deep.equal(joined);
  });

  it('takes a token without the scheme, as kubelet writes it to a file', async () => {
    expect(await authenticate({ authorization: (await bearer()).slice(7) })).to.deep.equal(joined);
    expect(await authenticate({ authorization: `${(await bearer()).slice(7)}\n` })).to.deep.equal(joined);
  });

  it('goes by the certificate where both are there', async () => {
    expect(await authenticate({ certificate: await odd({}), authorization: 'Bearer junk' })).to.deep.equal(svid);
  });

  it('goes by the token where the certificate proves nothing', async () => {
    expect(
      await authenticate({ certificate: await odd({ notAfter: start }), authorization: await bearer() }),
    ).to.deep.equal(joined);
  });

  it('counts an alias of the trust domain as ours', async () => {
    const names = [['url', 'spiffe://old.example/ns/istioinaction/sa/webapp']] as const;
    expect(await authenticate({ certificate: await odd({ names }) })).to.deep.equal(svid);
  });

  it('lets names of other kinds stand beside the one URI', async () => {
    expect(
      await authenticate({
        certificate: await odd({
          names: [
            ['dns', 'webapp.example'],
            ['url', spiffe],
          ],
        }),
      }),
    ).to.deep.equal(svid);
  });

  it('believes nobody over plaintext, where that was asked for', async () => {
    const everything = { plaintext: true, authorization: await bearer(), certificate: await odd({}) };
    expect(await authenticate(everything, { allowPlaintext: true })).to.deep.equal({ kind: 'insecure' });
  });

  describe('with a cluster behind it', () => {
    const account: Peer = { ...joined, pod: 'webapp-2', by: 'service-account-token' };
    const jwt = (claims: object): string =>
      `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2lnbmF0dXJl`;
    const kubernetes = jwt({ iss: 'https://kubernetes.default.svc', aud: ['coxswain'] });

    /** What was asked of the cluster is written to `asked`. */
    const ask = async (
      credentials: Partial<Credentials>,
      options: { readonly joinKeys?: JoinKeys; readonly asked?: string[]; readonly verdict?: () => Promise<Peer> } = {},
    ): Promise<Peer> =>
      await createAuthenticator({
        authority,
        joinKeys: options.joinKeys,
        reviewToken: async (token) => {
          options.asked?.push(token.reveal());
          return options.verdict === undefined ? account : await options.verdict();
        },
        clock: new FakeClock(start),
        trustDomainAliases: [],
        allowPlaintext: false,
      }).authenticate({ authorization: '', certificate: undefined, plaintext: false, ...credentials });

    it('asks it about tokens, with the scheme or without', async () => {
      const asked: string[] = [];
      expect(await ask({ authorization: `Bearer ${kubernetes}` }, { asked })).to.deep.equal(account);
      expect(await ask({ authorization: kubernetes }, { asked })).to.deep.equal(account);
      expect(asked).to.deep.equal([kubernetes, kubernetes]);
    });

    it('asks also where there is a certificate, which lives longer than what the cluster knows', async () => {
      const asked: string[] = [];
      const certificate = await odd({});
      expect(await ask({ certificate, authorization: kubernetes }, { asked })).to.deep.equal(account);
      expect(asked).to.deep.equal([kubernetes]);
      const error = await failure(() => ask({ certificate }, { asked }));
      expect([error.code, error.message]).to.deep.equal([
        'unauthenticated',
        'no service account token, and a certificate alone is no proof on Kubernetes',
      ]);
      expect(asked).to.deep.equal([kubernetes]);
    });

    it('asks where the certificate proves nothing', async () => {
      const credentials = { certificate: await odd({ notAfter: start }), authorization: kubernetes };
      expect(await ask(credentials)).to.deep.equal(account);
    });

    it('verifies join tokens itself, where there are keys', async () => {
      const asked: string[] = [];
      expect(await ask({ authorization: await bearer() }, { asked, joinKeys: keys })).to.deep.equal(joined);
      expect(await ask({ authorization: kubernetes }, { asked, joinKeys: keys })).to.deep.equal(account);
      expect(await ask({ authorization: 'Bearer junk' }, { asked, joinKeys: keys })).to.deep.equal(account);
      expect(asked).to.deep.equal([kubernetes, 'junk']);
    });

    it('does not take the word of a token that it is a join token', async () => {
      const error = await failure(() => ask({ authorization: jwt({ iss: 'coxswain' }) }, { joinKeys: keys }));
      expect([error.code, error.message]).to.deep.equal([
        'unauthenticated',
        'join token refused: it is not signed with ES256',
      ]);
    });

    it('gives on what the cluster says: refused, or not to be had now', async () => {
      for (const code of ['unauthenticated', 'unavailable'] as const) {
        const verdict = () => Promise.reject(new MeshError(code, 'the words'));
        const error = await failure(() => ask({ authorization: kubernetes }, { verdict }));
        expect([error.code, error.message]).to.deep.equal([code, 'the words']);
      }
    });

    it('refuses tokens where there is neither key nor cluster', async () => {
      const none = { authority, clock: new FakeClock(start), trustDomainAliases: [], allowPlaintext: false };
      const credentials = { authorization: await bearer(), certificate: undefined, plaintext: false };
      const error = await failure(() => createAuthenticator(none).authenticate(credentials));
      expect([error.code, error.message]).to.deep.equal(['unauthenticated', 'this control plane accepts no tokens']);
    });
  });

  describe('what it refuses', () => {
    const none = 'no client certificate that this mesh signed, and no bearer token';
    const form = 'the authorization header is neither "Bearer <token>" nor a token alone';
    const certificate = (reason: string): string => `client certificate refused: ${reason}`;
    const id = 'its URI name is not spiffe://<trust domain>/ns/<namespace>/sa/<service account>';
    const url = (value: string) => async () => ({ certificate: await odd({ names: [['url', value]] }) });
    const cases: readonly (readonly [what: string, make: () => Promise<Partial<Credentials>>, message: string])[] = [
      ['nothing at all', async () => ({}), none],
      [
        'plaintext that was not asked for',
        async () => ({ plaintext: true, authorization: await bearer() }),
        'this control plane does not serve plaintext',
      ],
      ['another scheme', async () => ({ authorization: 'Basic dXNlcjpwYXNz' }), form],
      ['a scheme alone', async () => ({ authorization: 'Bearer ' }), form],
      ['a word without a scheme', async () => ({ authorization: 'junk' }), form],
      [
        'a token of two parts',
        async () => ({ authorization: (await bearer()).slice(7).replace(/\.[^.]*$/, '') }),
        form,
      ],
      ['a token of four parts', async () => ({ authorization: `${(await bearer()).slice(7)}.x` }), form],
      [
        'a token behind another scheme',
        async () => ({ authorization: (await bearer()).replace('Bearer', 'Basic') }),
        form,
      ],
      ['two tokens', async () => ({ authorization: `${await bearer()}, ${await bearer()}` }), form],
      [
        'a header that is too long',
        async () => ({ authorization: `Bearer ${'a'.repeat(8186)}` }),
        'the authorization header has more than 8192 characters',
      ],
      [
        'a token that is none',
        async () => ({ authorization: 'Bearer junk' }),
        'join token refused: it is not a well-formed JWT',
      ],
      [
        'an expired certificate',
        async () => ({ certificate: await odd({ notAfter: start }) }),
        certificate('it expired at 2024-01-01T00:00:00.000Z'),
      ],
      [
        'a certificate of the future',
        async () => ({ certificate: await odd({ notBefore: start + 1000 }) }),
        certificate('it is not valid before 2024-01-01T00:00:01.000Z'),
      ],
      [
        'a certificate of another authority',
        async () => ({ certificate: der(leaf(await testAuthority()).chain) }),
        certificate('it is not signed by this mesh'),
      ],
      [
        'a forged signature',
        async () => ({ certificate: (await odd({})).with(-3, 0x55) }),
        certificate('it is not signed by this mesh'),
      ],
      [
        'the root itself',
        async () => ({ certificate: der(authority.roots[0] ?? '') }),
        certificate('it is an authority, not a workload'),
      ],
      [
        'an authority that we signed',
        async () => ({ certificate: await odd({ authority: true }) }),
        certificate('it is an authority, not a workload'),
      ],
      [
        'a certificate for servers only',
        async () => ({ certificate: await odd({ usage: x509.ExtendedKeyUsage.serverAuth }) }),
        certificate('it is not for clients (extended key usage)'),
      ],
      [
        'a certificate without names',
        async () => ({ certificate: await odd({ names: [] }) }),
        certificate('it has 0 URI names; an SVID has exactly one'),
      ],
      [
        'a server certificate of ours',
        async () => ({
          certificate: der(leaf(authority, { kind: 'server', dnsNames: ['localhost'], ipAddresses: [] }).chain),
        }),
        certificate('it has 0 URI names; an SVID has exactly one'),
      ],
      [
        'two URI names',
        async () => ({
          certificate: await odd({
            names: [
              ['url', spiffe],
              ['url', 'spiffe://cluster.local/ns/a/sa/b'],
            ],
          }),
        }),
        certificate('it has 2 URI names; an SVID has exactly one'),
      ],
      ['a second name inside the first', url(`spiffe://evil/ns/a/sa/b, URI:${spiffe}`), certificate(id)],
      ['a name with a query', url(`${spiffe}?x`), certificate(id)],
      ['a name with a part too many', url(`${spiffe}/x`), certificate(id)],
      ['a name that is no SPIFFE ID', url('https://cluster.local/ns/a/sa/b'), certificate(id)],
      [
        'another trust domain',
        url('spiffe://evil.example/ns/istioinaction/sa/webapp'),
        certificate('it is of trust domain "evil.example", not "cluster.local"'),
      ],
      [
        'bytes that are no certificate',
        async () => ({ certificate: Buffer.from('junk') }),
        certificate('it can not be read'),
      ],
    ];
    for (const [what, make, message] of cases) {
      it(what, async () => {
        const credentials = await make();
        const error = await failure(() => authenticate(credentials));
        expect([error.code, error.message]).to.deep.equal(['unauthenticated', message]);
        const token = credentials.authorization?.split(' ').at(-1) ?? '';
        if (token.length > 4) expect(`${error.stack} ${error.hint} ${JSON.stringify(error)}`).not.to.include(token);
      });
    }
  });
});
