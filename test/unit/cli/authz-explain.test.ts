import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { MetricsRegistry } from '../../../src/admin/metrics.ts';
import { type AdminServer, startAdminServer } from '../../../src/admin/server.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { explainSource } from '../../../src/runtime/explain-source.ts';
import { Compiler } from '../../../src/translate/compiler.ts';
import { shop, worldOf } from '../../support/explain-world.ts';
import { fakeSources } from '../admin/fake-sources.ts';
import { cli } from './run-cli.ts';

const allow = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  rules:
    - from: [{source: {principals: [cluster.local/ns/shop/sa/caller]}}]
      to: [{operation: {paths: ["/info*"]}}]
`;
const files = ['authz', 'explain', '-f', '-', '--from', 'caller.shop', '--to', 'web.shop:80'];
const input = `${shop}---\n${allow}`;

describe('authz explain', () => {
  it('says that a call is allowed, and ends with 0', async () => {
    const { code, stdout, stderr } = await cli([...files, '--path', '/info'], { input });
    expect({ code, stdout, stderr }).to.deep.equal({
      code: 0,
      stderr: '',
      stdout: [
        'ALLOWED  GET /info  from caller-77b9c-abcde.shop to web.shop.svc.cluster.local:80',
        '  an ALLOW rule matches: rule 0 of AuthorizationPolicy shop/web (<stdin>:33)',
        '  arrives as mTLS as cluster.local/ns/shop/sa/caller, taken for HTTP (filter chain 0.0.0.0_8080-mtls)',
        '  at web-6f5d8-abcde.shop:8080, web-6f5d8-fghij.shop:8080',
        '',
      ].join('\n'),
    });
  });

  it('says which condition failed, and ends with 3', async () => {
    const { code, stdout } = await cli([...files, '--path', '/admin', '--method', 'POST'], { input });
    expect(code).to.equal(3);
    expect(stdout.split('\n').slice(0, 4)).to.deep.equal([
      'DENIED (403)  POST /admin  from caller-77b9c-abcde.shop to web.shop.svc.cluster.local:80',
      '  no ALLOW rule matches: AuthorizationPolicy shop/web (<stdin>:33)',
      '  nearest: rule 0 of AuthorizationPolicy shop/web (<stdin>:33)',
      '    path is /admin; the rule wants /info*',
    ]);
  });

  it('prints the same as data', async () => {
    const { stdout } = await cli([...files, '-o', 'json'], { input });
    const { call, answers } = JSON.parse(stdout);
    expect([call, answers[0].verdict, answers[0].nearest.conditions[0].attribute]).to.deep.equal([
      'GET /',
      'denied',
      'path',
    ]);
  });

  it('builds claims from flags: nested, repeated, lists, and names that are addresses', async () => {
    const policies = `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: users, namespace: shop}
spec: {jwtRules: [{issuer: i, jwksUri: "https://i.example/keys"}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: users, namespace: shop}
spec:
  rules:
    - when:
        - {key: "request.auth.claims[realm][roles]", values: [b]}
        - {key: "request.auth.claims[groups]", values: [y]}
        - {key: "request.auth.claims[https://x.example/tenant]", values: [t]}
`;
    const claims = ['realm.roles=a', 'realm.roles=b', 'groups=[x,y]', 'https://x.example/tenant=t'];
    const flags = claims.flatMap((claim) => ['--jwt-claim', claim]);
    const run = async (...more: readonly string[]) =>
      await cli([...files, ...more], { input: `${shop}---\n${policies}` });
    expect((await run(...flags)).code).to.equal(0);
    expect((await run(...flags.slice(2))).code).to.equal(0);
    expect((await run(...flags.slice(0, 2), ...flags.slice(4))).code).to.equal(3);
  });

  it('tells numbers and booleans from texts', async () => {
    const policies = `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: users, namespace: shop}
spec: {jwtRules: [{issuer: i, jwksUri: "https://i.example/keys"}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: users, namespace: shop}
spec:
  rules: [{when: [{key: "request.auth.claims[level]", values: ["5*", "7"]}, {key: "request.auth.claims[ok]", notValues: ["true"]}]}]
`;
    const codeOf = async (...claims: readonly string[]) => {
      const flags = claims.flatMap((claim) => ['--jwt-claim', claim]);
      return (await cli([...files, ...flags], { input: `${shop}---\n${policies}` })).code;
    };
    expect(await codeOf('level=50')).to.equal(0);
    expect(await codeOf('level:=50')).to.equal(3);
    expect(await codeOf('level:=7')).to.equal(0);
    expect(await codeOf('level:=["x", 7]', 'ok:=false')).to.equal(0);
    expect(await codeOf('level:=7', 'ok:=true')).to.equal(3);
    expect(await codeOf('level:=x')).to.equal(2);
  });

  for (const [what, flags, code] of [
    ['neither from nor to', ['authz', 'explain', '-f', '-'], 2],
    ['a header without a colon', [...files, '--header', 'x'], 2],
    ['a claim without a value', [...files, '--jwt-claim', 'x'], 2],
    ['claims of bytes', [...files, '--tcp', '--jwt-claim', 'a=b'], 2],
    ['a port that is not there', [...files.slice(0, -1), 'web.shop:1'], 2],
    ['somebody unknown', [...files, '--from', 'nobody.shop'], 1],
  ] as const) {
    it(`ends with ${code} for ${what}`, async () => {
      expect((await cli(flags, { input })).code).to.equal(code);
    });
  }

  describe('of a control plane that runs', () => {
    let server: AdminServer;
    let admin: string;
    let token: string;
    const asked: string[] = [];

    before(async () => {
      const { publicKey, privateKey } = await generateKeyPair('ES256');
      const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] });
      token = await new SignJWT({ iss: 'i', sub: 'alice' })
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .sign(privateKey);
      const users = `${allow.replace(/from: .*/, 'from: [{source: {requestPrincipals: ["i/alice"]}}]')}---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: users, namespace: shop}
spec: {jwtRules: [{issuer: i, jwks: '${jwks}'}]}
`;
      const compiler = new Compiler(worldOf(users).compiler.snapshot);
      const source = explainSource({ compiler, xds: { status: () => [] } });
      const sources = fakeSources({
        explain: {
          keySets: () => source.keySets(),
          answer: (question) => {
            asked.push(JSON.stringify(question));
            return source.answer(question);
          },
        },
      });
      const metrics = new MetricsRegistry(sources, 'test', 0, () => 0);
      server = await startAdminServer({
        host: '127.0.0.1',
        port: 0,
        sources,
        version: 'test',
        metrics,
        log: silentLogger,
      });
      admin = `127.0.0.1:${server.port}`;
    });
    after(async () => await server[Symbol.asyncDispose]());

    const live = async (...flags: readonly string[]) =>
      await cli(['authz', 'explain', '--admin', admin, '--from', 'caller.shop', '--to', 'web.shop:80', ...flags]);

    it('verifies a token here, and neither shows it nor sends it on', async () => {
      const { code, stdout, stderr } = await live('--path', '/info', '--jwt', token);
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.include('rule 0 of AuthorizationPolicy shop/web (policies.yaml:1)');
      const [, , signature = ''] = token.split('.');
      expect(`${stdout}${asked.join()}`).to.not.include(signature);
      expect(asked.join()).to.include('"sub":"alice"');
      const forged = await live('--path', '/info', '--jwt', `${token.slice(0, -6)}AAAAAA`);
      expect([forged.code, forged.stdout.split('\n')[1]?.trim()]).to.deep.equal([
        3,
        'no key of i signed the token: RequestAuthentication shop/users (policies.yaml:10)',
      ]);
    });

    it('passes on what is wrong with a question', async () => {
      const { code, stderr } = await live('--from', 'nobody.shop');
      expect(code).to.equal(1);
      expect(stderr).to.include('nobody is called nobody.shop');
    });
  });
});
