import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { AuthorizationPolicy } from '../../../src/model/authorization-policy.ts';
import type { ExtAuthzHttp } from '../../../src/model/extension-provider.ts';
import type { Mesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { JwtRule } from '../../../src/model/request-authentication.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { type Compiled, compiled } from '../../support/compiled.ts';
import { type Answered, CompiledEnvoy } from '../../support/compiled-envoy.ts';
import {
  authorizationPolicy,
  httpAuthorizer,
  jwtRule,
  pod,
  requestAuthentication,
  type ShortRule,
  service,
  sidecar,
} from '../../support/objects.ts';

const instance = pod('foo', 'web-1', '10.0.0.1');
const world: readonly MeshObject[] = [
  instance,
  service('foo', 'web', [[80, 8080, 'http']]),
  service('foo', 'login', [[80, 80, 'http']], { addresses: ['10.96.0.2'] }),
  service('foo', 'other', [[80, 80, 'http']], { addresses: ['10.96.0.3'] }),
];
const login = 'login.foo.svc.cluster.local';
const other = 'other.foo.svc.cluster.local';

/** One workload's plaintext HTTP chain, as the control plane compiles it. */
async function envoyOf(
  version: string,
  objects: readonly MeshObject[],
  mesh: Partial<Mesh> = {},
  endpoints: Readonly<Record<string, number>> = {},
): Promise<CompiledEnvoy> {
  const all = compiled([...world, ...objects], sidecar(instance), mesh);
  return await CompiledEnvoy.start(version, all, '0.0.0.0_8080-plaintext', endpoints);
}

/** A status, or what the application saw of these headers. */
function seen({ status, headers }: Answered, ...names: readonly string[]): unknown {
  if (headers === undefined) return status;
  return Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}

const keys = await generateKeyPair('ES256');
const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k', alg: 'ES256' }] });
const inline = { kind: 'inline', jwks } as const;

async function bearer(claims: Readonly<Record<string, unknown>>, kid = 'k'): Promise<string> {
  const token = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid });
  return `Bearer ${await token.setExpirationTime('1h').sign(keys.privateKey)}`;
}

const custom = (name: string, provider: string, rules: readonly ShortRule[]): AuthorizationPolicy => ({
  ...authorizationPolicy('foo', name, 'DENY', rules),
  action: 'CUSTOM',
  provider,
});

/** Answers checks: it allows what carries `x-allow: NAME`, and remembers what it was asked. */
class Authorizer implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly #server: Server;

  private constructor(name: string) {
    this.#server = createServer((request, answer) => {
      this.asked.push(`${request.url} ${request.headers['x-from'] ?? ''}`.trim());
      answer.writeHead(String(request.headers['x-allow']).split(' ').includes(name) ? 200 : 403, { 'x-by': name });
      answer.end(`${name} says no`);
    });
  }

  static async start(name: string): Promise<Authorizer> {
    const authorizer = new Authorizer(name);
    authorizer.#server.listen(0, '127.0.0.1');
    await once(authorizer.#server, 'listening');
    return authorizer;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

for (const version of envoyVersions) {
  describe(`HTTP filters of a compiled chain, on Envoy ${version}`, () => {
    describe('tokens', () => {
      const rules: readonly JwtRule[] = [
        jwtRule('a', inline, { outputClaimToHeaders: [{ header: 'x-a', claim: 'sub' }] }),
        jwtRule('b', inline, {
          outputPayloadToHeader: 'X-Payload',
          outputClaimToHeaders: [{ header: 'x-b', claim: 'sub' }],
        }),
        jwtRule(
          'c',
          { kind: 'remote', uri: 'https://c.example/keys' },
          { outputClaimToHeaders: [{ header: 'x-c', claim: 'sub' }] },
        ),
      ];
      const names = ['x-a', 'x-b', 'x-c', 'x-payload'];
      const forged = Object.fromEntries(names.map((name) => [name, 'forged']));
      let envoy: CompiledEnvoy;
      before(async () => {
        envoy = await envoyOf(version, [requestAuthentication('foo', 'jwt', rules)]);
      });
      after(async () => {
        await envoy[Symbol.asyncDispose]();
      });
      const get = async (authorization?: string, more: Readonly<Record<string, string>> = {}) =>
        await envoy.ask({ headers: { ...forged, ...more, ...(authorization === undefined ? {} : { authorization }) } });

      // Regression: before 1.40 Envoy lets a client write the headers of each provider behind the one that takes its token.
      it('are the only ones who write the headers that tell of them', async () => {
        expect(seen(await get(), ...names)).to.deep.equal({});
        expect(seen(await get(await bearer({ iss: 'a', sub: 'anna' })), ...names)).to.deep.equal({ 'x-a': 'anna' });
        const b = seen(await get(await bearer({ iss: 'b', sub: 'ben' })), ...names);
        expect(b).to.have.all.keys('x-b', 'x-payload');
        expect(b).to.deep.include({ 'x-b': 'ben' });
        expect(seen(await get(await bearer({ iss: 'a' })), ...names)).to.deep.equal({});
      });

      it('are the only ones in a CORS preflight, too, which needs none', async () => {
        const headers = { ...forged, origin: 'http://x.example', 'access-control-request-method': 'GET' };
        expect(seen(await envoy.ask({ method: 'OPTIONS', headers }), ...names)).to.deep.equal({});
      });

      it('are refused when they are bad, and those of an issuer without keys always', async () => {
        const answers = [
          await get(await bearer({ iss: 'c', sub: 'carl' })),
          await get(await bearer({ iss: 'd', sub: 'dora' })),
          await get(await bearer({ iss: 'a', sub: 'anna' }, 'unknown')),
          await get('Bearer a.b.c'),
          await get(await bearer({ iss: 'a', sub: 'anna' }), { ':none': 'a.b.c' }).catch(() => 'not sent'),
          await envoy.ask({
            path: '/?access_token=x.y.z',
            headers: { authorization: await bearer({ iss: 'a', sub: 'anna' }) },
          }),
        ];
        expect(answers.map((each) => (typeof each === 'string' ? each : `${each.status} ${each.body}`))).to.deep.equal([
          '401 Jwks remote fetch is failed',
          '401 Jwt issuer is not configured',
          "401 Jwks doesn't have key to match kid or alg from Jwt",
          '401 Jwt header is an invalid Base64url encoded',
          'not sent',
          '401 Jwt header is an invalid Base64url encoded',
        ]);
      });

      it('pass unread where nobody is trusted', async () => {
        await using plain = await envoyOf(version, []);
        expect(seen(await plain.ask({ headers: { authorization: 'Bearer a.b.c' } }), 'authorization')).to.deep.equal({
          authorization: 'Bearer a.b.c',
        });
      });
    });

    describe('external authorizers', () => {
      it('are asked one after the other, by name, each about what its own policies match', async () => {
        await using first = await Authorizer.start('a');
        await using second = await Authorizer.start('a-b');
        const providers: readonly ExtAuthzHttp[] = [
          httpAuthorizer('a-b', other, { includeRequestHeadersInCheck: ['x-allow'] }),
          httpAuthorizer('a', login, { includeRequestHeadersInCheck: ['x-allow'], pathPrefix: '/check' }),
        ];
        await using envoy = await envoyOf(
          version,
          [
            custom('both', 'a', [{ to: { paths: ['/both', '/one'] } }]),
            custom('second', 'a-b', [{ to: { paths: ['/both', '/two'] } }]),
          ],
          { extensionProviders: providers },
          { [`outbound|80||${login}`]: first.port, [`outbound|80||${other}`]: second.port },
        );
        const ask = async (path: string, allow = '') => {
          first.asked.length = 0;
          second.asked.length = 0;
          const { status, body } = await envoy.ask({ path, headers: { 'x-allow': allow } });
          return [status, body, [...first.asked], [...second.asked]];
        };
        expect(await ask('/none')).to.deep.equal([200, '', [], []]);
        expect(await ask('/one')).to.deep.equal([403, 'a says no', ['/check/one'], []]);
        expect(await ask('/one', 'a')).to.deep.equal([200, '', ['/check/one'], []]);
        expect(await ask('/two')).to.deep.equal([403, 'a-b says no', [], ['/two']]);
        expect(await ask('/both')).to.deep.equal([403, 'a says no', ['/check/both'], []]);
        expect(await ask('/both', 'a')).to.deep.equal([403, 'a-b says no', ['/check/both'], ['/both']]);
        expect(await ask('/both', 'a a-b')).to.deep.equal([200, '', ['/check/both'], ['/both']]);
      });

      // Regression: Envoy may have what is to be asked about and not, or not yet, the filter that asks; then it let that pass.
      it('are missed where the filter that asks is not there: what it would be asked about is denied', async () => {
        const asked = custom('c', 'a', [{ to: { paths: ['/admin'] } }]);
        const mesh = { extensionProviders: [httpAuthorizer('a', login)] };
        const [idle, busy] = [[], [asked]].map((objects) => compiled([...world, ...objects], sidecar(instance), mesh));
        if (idle === undefined || busy === undefined) throw new Error('nothing compiled');
        const half: Compiled = {
          ...busy,
          json: (type, name) => (name === 'coxswain.http.custom.a.authorize' ? idle : busy).json(type, name),
        };
        const statuses = async (of: Compiled) => {
          await using envoy = await CompiledEnvoy.start(version, of, '0.0.0.0_8080-plaintext');
          return [(await envoy.ask({ path: '/admin' })).status, (await envoy.ask({ path: '/' })).status];
        };
        expect(await statuses(half)).to.deep.equal([403, 200]);
        expect(await statuses(idle)).to.deep.equal([200, 200]);
      });

      it('get added headers as they stand, and names may be any', async () => {
        await using authorizer = await Authorizer.start('a');
        const provider = httpAuthorizer('a', login, {
          includeRequestHeadersInCheck: ['*', 'X-Al*', '*-Allow', 'x-allow'],
          includeAdditionalHeadersInCheck: { 'x-from': '100 %REQ(x-allow)% %' },
          headersToUpstreamOnAllow: ['X-*'],
          headersToDownstreamOnAllow: ['X-*'],
          headersToDownstreamOnDeny: ['*'],
        });
        await using envoy = await envoyOf(
          version,
          [custom('c', 'a', [{}])],
          { extensionProviders: [provider] },
          { [`outbound|80||${login}`]: authorizer.port },
        );
        const answer = await envoy.ask({ headers: { 'x-allow': 'a' } });
        expect(seen(answer, 'x-by')).to.deep.equal({ 'x-by': 'a' });
        expect(authorizer.asked).to.deep.equal(['/ 100 %REQ(x-allow)% %']);
      });

      it('deny what nobody can be asked about, with the status that the mesh says, or let it pass where it says so', async () => {
        const down = (more: Partial<ExtAuthzHttp>) => ({ extensionProviders: [httpAuthorizer('a', login, more)] });
        const policies = [custom('c', 'a', [{ to: { paths: ['/admin'] } }])];
        const statuses = async (mesh: Partial<Mesh>) => {
          await using envoy = await envoyOf(version, policies, mesh);
          return [(await envoy.ask({ path: '/admin' })).status, (await envoy.ask({ path: '/' })).status];
        };
        expect(await statuses(down({}))).to.deep.equal([403, 200]);
        expect(await statuses(down({ statusOnError: 503 }))).to.deep.equal([503, 200]);
        expect(await statuses(down({ failOpen: true }))).to.deep.equal([200, 200]);
        expect(await statuses({ extensionProviders: [] }), 'an unknown provider').to.deep.equal([403, 200]);
        expect(await statuses(down({ port: 81 })), 'no such port').to.deep.equal([403, 200]);
      });
    });

    it('name the policy in the body of their 403, where the mesh wants that, and in no other answer', async () => {
      const policies = [authorizationPolicy('foo', 'closed', 'DENY', [{ to: { paths: ['/admin'] } }])];
      await using quiet = await envoyOf(version, policies);
      expect((await quiet.ask({ path: '/admin' })).body).to.equal('RBAC: access denied');
      await using open = await envoyOf(
        version,
        [
          ...policies,
          authorizationPolicy('foo', 'few', 'ALLOW', [{ to: { paths: ['/ok', '/admin'] } }]),
          requestAuthentication('foo', 'jwt', [jwtRule('a', inline)]),
        ],
        { explainDenials: true },
      );
      const bodies = [
        await open.ask({ path: '/admin' }),
        await open.ask({ path: '/x' }),
        await open.ask({ path: '/ok', headers: { authorization: 'Bearer a.b.c' } }),
        await open.ask({ path: '/ok' }),
      ];
      expect(bodies.map(({ status, body }) => `${status} ${body}`)).to.deep.equal([
        '403 RBAC: access denied (rbac_access_denied_matched_policy[ns[foo]-policy[closed]-rule[0]])',
        '403 RBAC: access denied (rbac_access_denied_matched_policy[none])',
        '401 Jwt header is an invalid Base64url encoded',
        '200 ',
      ]);
    });
  });
}
