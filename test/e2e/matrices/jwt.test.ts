import { expect } from 'chai';
import {
  bearer,
  believe,
  call,
  createIssuer,
  headersSeen,
  type Issuer,
  keySet,
  type Sent,
  startPodKeyServer,
} from '../../support/e2e-jwt.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { allow, deny, from, type Rule, to } from '../../support/e2e-policies.ts';
import { eventually } from '../../support/sandbox.ts';

const required = allow([from({ requestPrincipals: ['*'] })]);
const when = (key: string, ...values: readonly string[]): Rule => ({ when: [{ key, values }] });
const denied = '403 RBAC: access denied';

for (const envoy of envoysUnderTest()) {
  describe(`tokens on ${envoy.name}`, () => {
    let mesh: Mesh;
    let [a, b]: [Issuer, Issuer] = [undefined as never, undefined as never];

    before(async () => {
      [a, b] = await Promise.all([createIssuer('https://a.example/tenant'), createIssuer('https://b.example')]);
      mesh = await Mesh.up(envoy.path);
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    const trusts = (issuer: Issuer, more: object = {}) => ({ issuer: issuer.name, jwks: keySet(issuer.key), ...more });

    describe('of two issuers', () => {
      before(async () => {
        await mesh.enforce([believe([trusts(a, { audiences: ['api', 'web'] }), trusts(b)])]);
      });

      const cases: readonly (readonly [name: string, sent: () => Promise<Sent>, outcome: string | RegExp])[] = [
        ['no token passes', async () => ({}), '200'],
        ['one of the first', async () => bearer(await a.sign({ aud: 'api' })), '200'],
        ['one of the second', async () => bearer(await b.sign({})), '200'],
        ['one whose audience is one of several', async () => bearer(await a.sign({ aud: ['x', 'web'] })), '200'],
        [
          'another audience',
          async () => bearer(await a.sign({ aud: 'other' })),
          /^403 Audiences in Jwt are not allowed/,
        ],
        ['no audience', async () => bearer(await a.sign({})), /^403 Audiences in Jwt are not allowed/],
        ['an expired one', async () => bearer(await b.sign({}, -120)), /^401 Jwt is expired/],
        ['one within the leeway of a minute', async () => bearer(await b.sign({}, -30)), '200'],
        [
          'one that is not valid yet',
          async () => bearer(await b.sign({ nbf: now() + 3_600 })),
          /^401 Jwt not yet valid/,
        ],
        [
          'an unknown issuer',
          async () => bearer(await (await createIssuer('https://c.example')).sign({})),
          /^401 Jwt issuer is not configured/,
        ],
        [
          'a right name and a wrong key',
          async () => bearer(await (await createIssuer(b.name)).sign({})),
          /^401 Jwt verification fails/,
        ],
        ['no algorithm', async () => bearer(unsigned(b.name)), /^401 /],
        ['garbage', async () => bearer('a.b.c'), /^401 /],
        ['in the query', async () => ({ path: `/?access_token=${await b.sign({})}` }), '200'],
        [
          'a good one beside a bad one',
          async () => ({ ...bearer(await b.sign({})), path: '/?access_token=a.b.c' }),
          /^401 /,
        ],
        [
          'a CORS preflight with a bad one',
          async () => ({
            method: 'OPTIONS',
            headers: { ...bearer('a.b.c').headers, origin: 'http://x', 'access-control-request-method': 'GET' },
          }),
          '200',
        ],
      ];
      for (const [name, sent, outcome] of cases) {
        it(name, async () => {
          const seen = await call(mesh, await sent());
          if (typeof outcome === 'string') expect(seen).to.equal(outcome);
          else expect(seen).to.match(outcome);
        });
      }

      it('one that runs out is taken until then, with a minute of leeway, and refused after', async () => {
        const sent = bearer(await b.sign({}, -57));
        expect(await call(mesh, sent)).to.equal('200');
        await eventually('the token to run out', async () =>
          (await call(mesh, sent)).startsWith('401 Jwt is expired') ? true : undefined,
        );
      });

      it('holds for one policy of the namespace and one of the mesh together', async () => {
        await mesh.enforce([
          believe([trusts(a)], { name: 'mesh', namespace: 'istio-system' }),
          believe([trusts(b)], { name: 'own', namespace: 'foo' }),
        ]);
        expect(await call(mesh, bearer(await a.sign({})))).to.equal('200');
        expect(await call(mesh, bearer(await b.sign({})))).to.equal('200');
      });
    });

    it('looks where it is told to, and nowhere else', async () => {
      const places = {
        fromHeaders: [{ name: 'x-token', prefix: 'JWT ' }],
        fromParams: ['t'],
        fromCookies: ['session'],
      };
      await mesh.enforce([believe([trusts(b, places)]), required]);
      const token = await b.sign({});
      expect(await call(mesh, { headers: { 'x-token': `JWT ${token}` } })).to.equal('200');
      expect(await call(mesh, { path: `/?t=${token}` })).to.equal('200');
      expect(await call(mesh, { headers: { cookie: `x=y; session=${token}` } })).to.equal('200');
      expect(await call(mesh, bearer(token)), 'the usual place').to.equal(denied);
    });

    it('keeps the token from the application, or not', async () => {
      const token = await b.sign({});
      await mesh.enforce([believe([trusts(b)])]);
      expect(await headersSeen(mesh, bearer(token).headers)).not.to.have.property('authorization');
      await mesh.enforce([believe([trusts(b, { forwardOriginalToken: true })])]);
      expect(await headersSeen(mesh, bearer(token).headers)).to.have.property('authorization', `Bearer ${token}`);
    });

    it('tells the application what a token says, and never what a caller says it says', async () => {
      const outputs = {
        outputPayloadToHeader: 'x-payload',
        outputClaimToHeaders: [
          { header: 'x-user', claim: 'sub' },
          { header: 'x-city', claim: 'address.city' },
        ],
      };
      await mesh.enforce([believe([trusts(b, outputs)])]);
      const forged = { 'x-payload': 'e30', 'x-user': 'root', 'x-city': 'nowhere' };
      const token = await b.sign({ address: { city: 'Kiel' } });
      const seen = await headersSeen(mesh, { ...forged, ...bearer(token).headers });
      expect(seen).to.include({ 'x-user': 'alice', 'x-city': 'Kiel' });
      expect(JSON.parse(Buffer.from(String(seen['x-payload']), 'base64url').toString())).to.include({ sub: 'alice' });
      const without = await headersSeen(mesh, forged);
      expect(without).not.to.have.any.keys(...Object.keys(forged));
    });

    it('is demanded by policies: any token, one issuer, one subject, claims of all shapes', async () => {
      const believed = believe([trusts(a), trusts(b)]);
      const [alice, bob] = await Promise.all([
        a.sign({ groups: ['admin', 'dev'], realm: { roles: ['x'] }, scope: 'read write', aud: 'api', azp: 'app' }),
        b.sign({ sub: 'bob', groups: 'dev', team: 'red.team', level: 5 }),
      ]);
      const principal = (...requestPrincipals: readonly string[]) => from({ requestPrincipals });
      const table: readonly (readonly [rule: Rule, alice: boolean, bob: boolean])[] = [
        [principal('*'), true, true],
        [principal(`${a.name}/alice`), true, false],
        [principal(`${a.name}/*`), true, false],
        [principal(`${b.name}/b*`), false, true],
        [principal('*/bob'), false, true],
        [principal('*tenant/alice'), true, false],
        [principal('*ob'), false, true],
        [principal('https:*'), true, true],
        [principal(b.name), false, false],
        [principal('*/*'), false, false],
        [from({ notRequestPrincipals: ['*/bob'], requestPrincipals: ['*'] }), true, false],
        [when('request.auth.claims[groups]', 'admin'), true, false],
        [when('request.auth.claims[groups]', 'dev'), true, true],
        [when('request.auth.claims[groups]', 'de'), false, false],
        [when('request.auth.claims[groups]', 'ad*'), true, false],
        [when('request.auth.claims[realm][roles]', 'x'), true, false],
        [when('request.auth.claims[scope]', 'write'), true, false],
        [when('request.auth.claims[team]', 'red.team'), false, true],
        [when('request.auth.claims[team]', 'redXteam'), false, false],
        [when('request.auth.audiences', 'api'), true, false],
        [when('request.auth.presenter', 'app'), true, false],
        [when('request.auth.principal', `${b.name}/bob`), false, true],
      ];
      // Each rule has a path of its own, so that one policy serves all.
      const pathOf = (index: number): string => `/row-${index}`;
      const rules = table.map(([rule], index) => ({ ...rule, ...to({ paths: [pathOf(index)] }) }));
      await mesh.enforce([believed, allow(rules)]);
      for (const [index, [rule, forAlice, forBob]] of table.entries()) {
        const path = pathOf(index);
        const senders = [{ ...bearer(alice), path }, { ...bearer(bob), path }, { path }];
        const outcomes = await Promise.all(senders.map((sent) => call(mesh, sent)));
        const expected = [forAlice ? '200' : denied, forBob ? '200' : denied, denied];
        expect(outcomes, JSON.stringify(rule)).to.deep.equal(expected);
      }
      await mesh.enforce([believed, deny([{ when: [{ key: 'request.auth.claims[groups]', values: ['admin'] }] }])]);
      expect([await call(mesh, bearer(alice)), await call(mesh, bearer(bob)), await call(mesh)]).to.deep.equal([
        denied,
        '200',
        '200',
      ]);
    });

    it('never opens a TCP port, which has no tokens', async () => {
      await mesh.enforce([believe([trusts(b)]), required], { drained: true });
      const tcp = await mesh.probe('sleep.foo').ask('tcp', { host: 'server.foo', port: 9000, say: 'hi' });
      expect(tcp).to.have.property('error');
    });

    it('gets new keys without closing a connection', async () => {
      const next = await createIssuer(b.name, 'next');
      await mesh.enforce([believe([trusts(b)])]);
      const probe = mesh.probe('sleep.foo');
      const connection = await probe.ask('open', { host: 'server.foo', port: 80 });
      await probe.ask('get', { connection, host: 'server.foo', path: `/?access_token=${await b.sign({})}` });
      const inbound = () =>
        mesh
          .probe('server.foo')
          .stats('^(listener_manager.listener_in_place_updated|http.inbound_0.0.0.0_8080.downstream_cx_destroy)$');
      const before = await inbound();
      await mesh.enforce([believe([{ issuer: b.name, jwks: keySet(next.key) }])]);
      const after = await probe.ask('get', {
        connection,
        host: 'server.foo',
        path: `/?access_token=${await next.sign({})}`,
      });
      expect(after).to.include({ status: 200 });
      const old = await probe.ask('get', {
        connection,
        host: 'server.foo',
        path: `/?access_token=${await b.sign({})}`,
      });
      expect(old).to.include({ status: 401 });
      expect(await inbound()).to.deep.equal(before);
    });

    it('is refused while nobody has its keys, alone, and is believed once they come', async () => {
      await using server = await startPodKeyServer(mesh, 'server.legacy');
      await mesh.enforce([believe([{ issuer: a.name, jwksUri: server.uri }, trusts(b)])]);
      expect(await call(mesh, bearer(await a.sign({})))).to.match(/^401 /);
      expect(await call(mesh, bearer(await b.sign({})))).to.equal('200');
      expect(await call(mesh)).to.equal('200');
      server.serve(keySet(a.key));
      const token = await a.sign({});
      await eventually('the keys to come', async () =>
        (await call(mesh, bearer(token))) === '200' ? true : undefined,
      );

      // A key that nobody knew when the others were fetched: the sidecar reports it, and it's asked for again.
      const [next, before] = [await createIssuer(a.name, 'next'), server.asked];
      server.serve(keySet(a.key, next.key));
      const newer = await next.sign({});
      await eventually(
        'the new key to be fetched',
        async () => ((await call(mesh, bearer(newer))) === '200' ? true : undefined),
        30_000,
      );
      expect(server.asked).to.be.greaterThan(before);
      expect(await call(mesh, bearer(token)), 'the old key').to.equal('200');
    });
  });
}

const now = (): number => Math.floor(Date.now() / 1_000);

/** `alg: none`. */
function unsigned(iss: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ iss, sub: 'alice', exp: now() + 60 })}.`;
}
