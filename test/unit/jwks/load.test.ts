import type { RequestListener } from 'node:http';
import { createSecureContext } from 'node:tls';
import { expect } from 'chai';
import type { JWK } from 'jose';
import { longestFetchMs, networkLoad } from '../../../src/jwks/load.ts';
import type { KeyPlace } from '../../../src/jwks/wanted.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { parseKeySet } from '../../../src/model/jwks.ts';
import { newKey } from '../../support/key-cases.ts';
import { type KeyServer, startKeyServer } from '../../support/key-server.ts';
import { createTestCa, type TestCa } from '../../support/rbac-certificates.ts';

describe('loading keys', () => {
  let ca: TestCa;
  let key: JWK;
  let stack: AsyncDisposableStack;
  const clock = new FakeClock();

  before(async () => {
    [ca, key] = [await createTestCa(), await newKey('ES256')];
  });
  beforeEach(() => {
    stack = new AsyncDisposableStack();
  });
  afterEach(() => stack.disposeAsync());

  async function serve(answer: RequestListener, tls = false): Promise<KeyServer> {
    const leaf = tls ? await ca.issue([{ type: 'dns', value: 'idp.example' }]) : undefined;
    return stack.use(await startKeyServer(answer, leaf));
  }
  /** Documents by path. */
  const pages =
    (documents: () => Readonly<Record<string, unknown>>): RequestListener =>
    ({ url = '' }, response) => {
      const document = documents()[url];
      if (document === undefined) response.writeHead(404).end();
      else response.end(typeof document === 'string' ? document : JSON.stringify(document));
    };

  async function load(place: KeyPlace, timeoutMs = 5_000): Promise<string> {
    const network = {
      resolve: async () => ['127.0.0.1'],
      allow: [{ address: '127.0.0.1', prefixLength: 32 }],
      tls: () => createSecureContext({ ca: ca.certificate }),
    };
    const wanted = { id: 'x', place, timeoutMs, owners: ['foo'] };
    const result = await networkLoad(network, clock)(wanted, new AbortController().signal);
    return result.ok ? result.value : `${result.error.kind}: ${result.error.reason}`;
  }
  const canonical = (): string => {
    const read = parseKeySet(JSON.stringify({ keys: [key] }));
    return read.ok ? read.value.jwks : '';
  };

  it('is reading what an address has, down to public keys', async () => {
    const { port } = await serve(pages(() => ({ '/keys': { keys: [{ ...key, use: 'sig', d: 'c2VjcmV0' }] } })));
    expect(await load({ kind: 'remote', uri: `http://idp.example:${port}/keys` })).to.equal(canonical());
  });

  it('takes nothing for keys that is none, and repeats none of it', async () => {
    let page: unknown = '<html>secret</html>';
    const { port } = await serve(pages(() => ({ '/': page })));
    const uri = `http://idp.example:${port}/`;
    const words = `content: what idp.example:${port} sent is no key set: it `;
    expect(await load({ kind: 'remote', uri })).to.equal(`${words}is no JSON`);
    page = { keys: [] };
    expect(await load({ kind: 'remote', uri })).to.equal(`${words}has no usable key`);
    page = { secret: 1 };
    expect(await load({ kind: 'remote', uri })).to.equal(`${words}has no list "keys"`);
  });

  it('asks an issuer where its keys are', async () => {
    let base = '';
    const { port, requests } = await serve(
      pages(() => ({
        '/realm/.well-known/openid-configuration': { issuer: `${base}/realm`, jwks_uri: `${base}/keys` },
        '/slash/.well-known/openid-configuration': { issuer: `${base}/slash/`, jwks_uri: `${base}/keys` },
        '/keys': { keys: [key] },
      })),
      true,
    );
    base = `https://idp.example:${port}`;
    expect(await load({ kind: 'discovered', issuer: `${base}/realm` })).to.equal(canonical());
    expect(await load({ kind: 'discovered', issuer: `${base}/slash/` })).to.equal(canonical());
    expect(requests.map(({ url }) => url)).to.deep.equal([
      '/realm/.well-known/openid-configuration',
      '/keys',
      '/slash/.well-known/openid-configuration',
      '/keys',
    ]);
  });

  it('believes no configuration of another issuer, nor one that leads to plaintext or nowhere', async () => {
    let configuration: unknown = {};
    const { port, requests } = await serve(
      pages(() => ({ '/.well-known/openid-configuration': configuration })),
      true,
    );
    const issuer = `https://idp.example:${port}`;
    const said = async (next: unknown): Promise<string> => {
      configuration = next;
      return (await load({ kind: 'discovered', issuer })).replace(issuer, 'ISSUER');
    };
    const keys = `${issuer}/keys`;
    const another = 'content: the OpenID configuration of ISSUER is one of another issuer';
    expect(await said({ issuer: `${issuer}/`, jwks_uri: keys })).to.equal(another);
    expect(await said({ jwks_uri: keys })).to.equal(another);
    const nowhere = 'content: the OpenID configuration of ISSUER names no address of keys';
    for (const address of [undefined, 5, '', '/keys', `${keys}${'x'.repeat(2_048)}`]) {
      expect(await said({ issuer, jwks_uri: address })).to.equal(nowhere);
    }
    expect(await said({ issuer, jwks_uri: `http://idp.example:${port}/keys` })).to.equal(
      'redirect: the OpenID configuration of ISSUER leads from https to plaintext, where keys could be exchanged on their way',
    );
    expect(await said({ issuer, jwks_uri: 'https://169.254.169.254/' })).to.match(/^address: 169\.254\.169\.254 leads/);
    expect(await said('{')).to.equal('content: the OpenID configuration of ISSUER is no JSON');
    expect(await said([])).to.equal('content: the OpenID configuration of ISSUER is no object');
    expect(new Set(requests.map(({ url }) => url))).to.deep.equal(new Set(['/.well-known/openid-configuration']));
  });

  it('has one time limit for all of its steps, and a longest one', async () => {
    for (const [given, held] of [
      [300, 300],
      [3_600_000, longestFetchMs],
    ] as const) {
      let arrived = Promise.withResolvers<void>();
      let base = '';
      const { port } = await serve(({ url = '' }, response) => {
        if (url.includes('well-known')) response.end(JSON.stringify({ issuer: base, jwks_uri: `${base}/keys` }));
        else arrived.resolve();
      });
      base = `http://idp.example:${port}`;
      const waiting = load({ kind: 'discovered', issuer: base }, given);
      await arrived.promise;
      arrived = Promise.withResolvers();
      clock.advance(held - 1);
      const early = await Promise.race([waiting, new Promise((resolve) => setImmediate(resolve, 'still waiting'))]);
      expect(early).to.equal('still waiting');
      clock.advance(1);
      expect(await waiting).to.equal(`timeout: idp.example:${port} took too long`);
    }
  });
});
