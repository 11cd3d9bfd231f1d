import { expect } from 'chai';
import type { Answer } from '../../../src/explain/answer.ts';
import { explain } from '../../../src/explain/explain.ts';
import { keySetName } from '../../../src/explain/key-set-name.ts';
import type { Question } from '../../../src/explain/question.ts';
import type { Mesh } from '../../../src/model/mesh.ts';
import { question, worldOf } from '../../support/explain-world.ts';

const allow = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  rules:
    - from: [{source: {namespaces: [other]}}]
      to: [{operation: {methods: [POST]}}]
    - from: [{source: {principals: [cluster.local/ns/shop/sa/caller]}}]
      to: [{operation: {paths: ["/info*", "/status"], notMethods: [DELETE]}}]
`;
const strict = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}
`;
const web = { kind: 'AuthorizationPolicy', namespace: 'shop', name: 'web', at: 'policies.yaml:1' } as const;

function only(policies: string, asked: Partial<Question> = {}, mesh: Partial<Mesh> = {}): Answer {
  const { answers } = explain(worldOf(policies, mesh), question(asked));
  const [answer, ...others] = answers;
  if (answer === undefined || others.length > 0) throw new Error(`${answers.length} answers`);
  return answer;
}

describe('explain', () => {
  it('names the rule that allows, how the call arrives, and all servers of which it is true', () => {
    expect(only(allow, { path: '/info' })).to.deep.equal({
      verdict: 'allowed',
      status: 200,
      reason: 'an ALLOW rule matches',
      decidedBy: [{ ...web, rule: 1 }],
      nearest: undefined,
      asked: [],
      token: undefined,
      audited: [],
      dryRun: [],
      arrives: 'mTLS as cluster.local/ns/shop/sa/caller',
      speaks: 'HTTP',
      chain: '0.0.0.0_8080-mtls',
      servers: ['web-6f5d8-abcde.shop:8080', 'web-6f5d8-fghij.shop:8080'],
      notes: [],
    });
  });

  it('shows the nearest rule, and the condition that failed', () => {
    const { verdict, status, nearest } = only(allow, { path: '/admin' });
    expect({ verdict, status, nearest }).to.deep.equal({
      verdict: 'denied',
      status: 403,
      nearest: {
        by: { ...web, rule: 1 },
        conditions: [{ attribute: 'path', wanted: ['/info*', '/status'], negated: false, actual: '/admin' }],
      },
    });
    expect(only(allow, { path: '/status', method: 'DELETE' }).nearest?.conditions).to.deep.equal([
      { attribute: 'method', wanted: ['DELETE'], negated: true, actual: 'DELETE' },
    ]);
  });

  it('evaluates the path that Envoy routes, after both sidecars made it canonical', () => {
    expect(only(allow, { path: '/info/../admin' }).verdict).to.equal('denied');
    expect(only(allow, { path: '/x/%2e%2e/status?q' }).verdict).to.equal('allowed');
    expect(only(allow, { path: '/x/../info' }, { pathNormalization: 'NONE' }).verdict).to.equal('denied');
  });

  it('knows whoever has no sidecar by the plaintext that it sends', () => {
    const { verdict, arrives, nearest } = only(allow, { from: 'naked.shop', path: '/info' });
    expect({ verdict, arrives, missing: nearest?.conditions[0]?.attribute }).to.deep.equal({
      verdict: 'denied',
      arrives: 'plaintext',
      missing: 'source principal',
    });
  });

  it('says that STRICT resets plaintext, and which object asks for it', () => {
    for (const from of ['naked.shop', 'outside', 'outside:203.0.113.7']) {
      const { verdict, status, reason, decidedBy } = only(strict, { from });
      expect({ verdict, status, decidedBy }, from).to.deep.equal({
        verdict: 'denied',
        status: undefined,
        decidedBy: [{ kind: 'PeerAuthentication', namespace: 'shop', name: 'default', at: 'policies.yaml:1' }],
      });
      expect(reason).to.include('the connection is reset');
    }
    expect(only(strict).verdict).to.equal('allowed');
    expect(only(strict, { plaintext: true }).verdict).to.equal('denied');
  });

  const rule = (tls: string): string => `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec: {host: web, trafficPolicy: {tls: {${tls}}}}
`;
  it('follows the DestinationRule of the client', () => {
    const foreign = 'mode: MUTUAL, clientCertificate: /c.pem, privateKey: /k.pem, insecureSkipVerify: true';
    const cases = [
      ['mode: ISTIO_MUTUAL', 'allowed', 'mTLS as cluster.local/ns/shop/sa/caller'],
      ['mode: DISABLE', 'denied', 'plaintext'],
      ['mode: SIMPLE, insecureSkipVerify: true', 'denied', 'TLS without a certificate'],
      [foreign, 'denied', 'TLS with a certificate that is not of the mesh'],
    ] as const;
    for (const [tls, ...expected] of cases) {
      const { verdict, arrives } = only(`${strict}${rule(tls)}`, {}, { enableAutoMtls: false });
      expect([verdict, arrives], tls).to.deep.equal(expected);
    }
    const off = strict.replace('STRICT', 'DISABLE');
    expect(only(`${off}${rule('mode: ISTIO_MUTUAL')}`).reason).to.equal(
      'port 8080 reads HTTP in plaintext, and this call is TLS',
    );
  });

  it('knows that pods of a headless service are called with mTLS where all take it', () => {
    const pods = `---
apiVersion: v1
kind: Service
metadata: {name: pods, namespace: shop}
spec: {selector: {app: web}, clusterIP: None, ports: [{name: http, port: 8080}]}
`;
    expect(only(`${strict}${pods}`, { to: 'pods.shop:8080' })).to.include({
      verdict: 'allowed',
      arrives: 'mTLS as cluster.local/ns/shop/sa/caller',
    });
  });

  it('says that nothing is enforced where no sidecar is', () => {
    const { verdict, reason } = only(allow, { to: 'naked.shop:80' });
    expect([verdict, reason]).to.deep.equal([
      'allowed',
      'naked-77b9c-abcde.shop has no sidecar: nothing is enforced there',
    ]);
  });

  it('takes a TCP port for one: what asks about HTTP never allows there', () => {
    const answer = only(allow, { to: 'web.shop:5432' });
    expect(answer).to.include({ verdict: 'denied', status: undefined, speaks: 'TCP', nearest: undefined });
    expect(answer.notes).to.deep.equal([
      'port 5432 is TCP to the sidecar: method, path, headers and tokens are not seen there',
    ]);
    const byPort = allow.replace(/ {6}to: .*\n/g, '');
    expect(only(byPort, { to: 'web.shop:5432', protocol: 'tcp' }).decidedBy).to.deep.equal([{ ...web, rule: 1 }]);
    expect(only('', { protocol: 'tcp' }).reason).to.equal('port 8080 takes HTTP alone: other bytes are refused');
  });

  it('tells HTTP from TCP on a port whose protocol is not declared', () => {
    expect(only('', { to: 'web.shop:9000' })).to.include({ speaks: 'HTTP', chain: '0.0.0.0_9000-http-mtls' });
    expect(only('', { to: 'web.shop:9000', protocol: 'tcp' })).to.include({
      speaks: 'TCP',
      chain: '0.0.0.0_9000-tcp-mtls',
    });
    expect(only('', { to: 'web.shop:9000', from: 'outside' })).to.include({
      speaks: 'HTTP',
      chain: '0.0.0.0_9000-http',
    });
  });

  it('shows what dry runs would do, and what is audited', () => {
    const dryRun = `${allow.replace('namespace: shop', 'namespace: shop, annotations: {istio.io/dry-run: "true"}')}---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: seen, namespace: shop}
spec: {action: AUDIT, rules: [{}]}
`;
    const { verdict, dryRun: shadows, audited } = only(dryRun, { path: '/admin' });
    expect({ verdict, shadows, audited: audited.map(({ name }) => name) }).to.deep.equal({
      verdict: 'allowed',
      shadows: [{ action: 'ALLOW', would: 'deny', by: undefined }],
      audited: ['seen'],
    });
  });

  const custom = `apiVersion: v1
kind: Service
metadata: {name: asker, namespace: shop}
spec: {selector: {app: asker}, clusterIP: 10.0.0.11, ports: [{name: grpc, port: 9191}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ask, namespace: shop}
spec:
  action: CUSTOM
  provider: {name: asker}
  selector: {matchLabels: {app: web}}
  rules: [{to: [{operation: {paths: ["/ask*"]}}]}]
`;
  const provider = {
    kind: 'grpc',
    name: 'asker',
    service: 'asker.shop.svc.cluster.local',
    port: 9191,
    timeoutMs: 1000,
    failOpen: false,
    statusOnError: 403,
    body: undefined,
    clearRouteCache: false,
  } as const;

  it('says which external authorizer decides, and denies where it can not be asked', () => {
    const mesh = { extensionProviders: [provider] };
    const { verdict, reason, asked } = only(custom, { path: '/ask/me' }, mesh);
    expect([verdict, reason, asked.map(({ authorizer, by }) => [authorizer, by?.name])]).to.deep.equal([
      'asked',
      'allowed if asker allows',
      [['asker', 'ask']],
    ]);
    expect(only(custom, { path: '/other' }, mesh).verdict).to.equal('allowed');
    const broken = only(custom, { path: '/ask/me' });
    expect([broken.verdict, broken.reason, broken.decidedBy[0]?.name]).to.deep.equal([
      'denied',
      "a CUSTOM rule matches, and its authorizer can't be asked",
      'ask',
    ]);
  });

  const jwks =
    '{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}';
  const tokens = `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: users, namespace: shop}
spec: {jwtRules: [{issuer: "https://issuer.example", audiences: [api], jwks: '${jwks}'}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: admins, namespace: shop}
spec: {rules: [{when: [{key: "request.auth.claims[realm][roles]", values: [admin]}]}]}
`;

  it('takes stated claims for those of a good token, where the server looks for one', () => {
    const claims = { aud: 'api', realm: { roles: ['dev', 'admin'] } };
    const { decidedBy, token } = only(tokens, { claims });
    expect([decidedBy[0]?.name, token?.issuer, token?.by[0]?.name]).to.deep.equal([
      'admins',
      'https://issuer.example',
      'users',
    ]);
    const { nearest } = only(tokens, { claims: { aud: 'api', realm: { roles: ['dev'] } } });
    expect(nearest?.conditions).to.deep.equal([
      { attribute: 'claim realm.roles', wanted: ['admin'], negated: false, actual: '["dev"]' },
    ]);
    expect(only(tokens, { claims: { aud: 'web' } })).to.include({
      status: 403,
      reason: 'the token of https://issuer.example is for another audience',
    });
    expect(only(tokens, { claims: { iss: 'https://evil.example' } })).to.include({ status: 401 });
  });

  it('verifies a token by the keys that are in force, and its time', () => {
    const signedBy = [keySetName(onlyJwks())];
    const claims = { iss: 'https://issuer.example', aud: 'api', realm: { roles: 'admin' } };
    const ask = (more: object, by: readonly string[] = signedBy): Answer =>
      only(tokens, {
        headers: [['authorization', 'Bearer token-1']],
        tokens: [{ handle: 'token-1', claims: { ...claims, ...more }, payload: '', signedBy: by }],
      });
    const now = Date.UTC(2026, 0, 1) / 1000;
    expect(ask({}).verdict).to.equal('allowed');
    expect(ask({}, [])).to.include({ status: 401, reason: 'no key of https://issuer.example signed the token' });
    expect(ask({ exp: now - 59 }).verdict).to.equal('allowed');
    expect(ask({ exp: now - 61 })).to.include({
      status: 401,
      reason: 'the token of https://issuer.example is expired',
    });
    expect(ask({ nbf: now + 61 }).decidedBy).to.deep.equal([
      { kind: 'RequestAuthentication', namespace: 'shop', name: 'users', at: 'policies.yaml:1' },
    ]);
  });

  /** The key set as it is in force: brought to its canonical form when it was read. */
  function onlyJwks(): string {
    const { compiler } = worldOf(tokens);
    const [policy] = compiler.snapshot.requestAuthentications.get('shop')?.values() ?? [];
    const keys = policy?.rules[0]?.keys;
    if (keys?.kind !== 'inline') throw new Error('no inline keys');
    return keys.jwks;
  }

  it('refuses an identity of a foreign trust domain, and takes any of its own', () => {
    const foreign = only(strict, { from: 'spiffe://evil.example/ns/shop/sa/caller' });
    expect([foreign.verdict, foreign.reason]).to.deep.equal([
      'denied',
      "the certificate of spiffe://evil.example/ns/shop/sa/caller is of a trust domain that isn't trusted",
    ]);
    const { verdict, notes } = only(allow, { from: 'spiffe://cluster.local/ns/shop/sa/caller', path: '/info' });
    expect([verdict, notes]).to.deep.equal([
      'allowed',
      ['the address of the client is not known: it counts as in no range'],
    ]);
  });

  it('knows where calls to addresses go: past policy in plaintext, or nowhere', () => {
    expect(only(strict, { to: '10.1.0.1:8080' })).to.include({ verdict: 'denied', arrives: 'plaintext' });
    expect(only('', { to: '10.1.0.1:8080' })).to.include({ verdict: 'allowed', arrives: 'plaintext' });
    const closed = only('', { to: '10.1.0.1:8080' }, { outboundTrafficPolicy: 'REGISTRY_ONLY' });
    expect(closed.reason).to.equal("the client's sidecar lets no calls out but to services (REGISTRY_ONLY)");
    expect(only('', { to: '10.0.0.10:80' }).arrives).to.equal('mTLS as cluster.local/ns/shop/sa/caller');
    expect(only('', { to: '10.1.0.1:15006', from: 'outside' }).reason).to.equal(
      'nobody may call port 15006 of a sidecar',
    );
  });

  it('tells servers apart that answer differently', () => {
    const one = `${strict}---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: address, namespace: shop}
spec: {action: DENY, rules: [{when: [{key: destination.ip, values: [10.1.0.2]}]}]}
`;
    const { answers } = explain(worldOf(one), question());
    expect(answers.map(({ verdict, servers }) => [verdict, servers])).to.deep.equal([
      ['allowed', ['web-6f5d8-abcde.shop:8080']],
      ['denied', ['web-6f5d8-fghij.shop:8080']],
    ]);
  });

  it('follows the version of the server’s Envoy where versions differ', () => {
    const allow = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: team, namespace: shop}
spec: {action: ALLOW, rules: [{when: [{key: "request.headers[x-team]", values: [red]}]}]}
`;
    const headers = [
      ['x-team', 'blue'],
      ['x-team', 'red'],
    ] as const;
    const verdictOn = (version: string): string | undefined =>
      explain({ ...worldOf(allow), envoy: () => version }, question({ headers })).answers[0]?.verdict;
    expect([verdictOn('1.40.0'), verdictOn('1.36.2')]).to.deep.equal(['allowed', 'denied']);
  });

  for (const [what, asked, message] of [
    ['nobody', { from: 'nobody.shop' }, 'nobody is called nobody.shop'],
    ['no name', { from: 'caller' }, '"caller" names nobody'],
    ['no such service', { to: 'nothing.shop:80' }, 'the mesh has nothing called nothing.shop:80'],
    ['which port', { to: 'web.shop' }, 'which port of web.shop?'],
    ['no such port', { to: 'web.shop:81' }, 'service web.shop has no port 81'],
    ['no address', { from: 'outside:nowhere' }, '"nowhere" is no address'],
  ] as const) {
    it(`refuses a question: ${what}`, () => {
      expect(() => explain(worldOf(''), question(asked))).to.throw(message);
    });
  }
});
