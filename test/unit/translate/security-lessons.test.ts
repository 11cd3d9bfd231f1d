import { expect } from 'chai';
import { anyOperation, anySource, type Condition } from '../../../src/model/authorization-policy.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import { type ResourceTypeName, types } from '../../../src/model/type-urls.ts';
import { BuildCache } from '../../../src/translate/cache.ts';
import { Compiler } from '../../../src/translate/compiler.ts';
import { quote } from '../../../src/translate/envoy/matcher.ts';
import { type Compiled, compiled } from '../../support/compiled.ts';
import { authorizationPolicy, peerAuthentication, pod, service, sidecar, snapshotOf } from '../../support/objects.ts';

// Security lessons of the field, each a test by name, as far as they concern what is compiled. Cache keys that miss an
// input: cache.test.ts, view.test.ts and property/compiler.test.ts. Matchers one by one: envoy/matcher.test.ts.

const web = pod('foo', 'web-1', '10.0.0.1');
const ports = service(
  'foo',
  'web',
  [
    [80, 8080, 'http'],
    [9000, 9000, 'tcp'],
  ],
  { addresses: ['10.96.0.1'] },
);
const proxy = sidecar(web);

/** Every value under a key, wherever it stands. */
function valuesOf(json: unknown, key: string): readonly unknown[] {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([name, value]) => [...(name === key ? [value] : []), ...valuesOf(value, key)]);
}

const everything = ({ resources, json }: Compiled): readonly unknown[] =>
  Object.keys(types).flatMap((type) =>
    resources
      .filter((each) => each.type === types[type as ResourceTypeName])
      .map((each) => json(type as ResourceTypeName, each.name)),
  );

describe('security lessons', () => {
  it('no metacharacter of a policy value ever means more than itself', () => {
    const policy = authorizationPolicy('foo', 'p', 'ALLOW', [
      {
        from: {
          principals: ['cluster.local/ns/a.c/sa/x+', '*/sa/a.c|d', 'cluster.local/ns/(a)*'],
          namespaces: ['a.c', 'a.*', '*.c', '[abc]'],
        },
        to: { hosts: ['a.example', '*.a.example'], paths: ['/a.c|/d', '/(x)*', '*/x+'], methods: ['G.T'] },
      },
      { from: { namespaces: ['a.c', 'x|y', '[abc]', '.*', '^', '$'] } },
    ]);
    const json = everything(compiled([web, ports, policy], proxy));
    const patterns = valuesOf(json, 'regex').map(String);
    expect(patterns.length, 'there are some to look at').to.be.greaterThan(3);
    const decoys = [
      'spiffe://cluster.local/ns/abc/sa/x',
      'spiffe://cluster.local/ns/x/sa/x',
      'spiffe://cluster.local/ns/a/sa/x',
      '/abc',
      '/d',
      'GET',
      'abexample',
    ];
    for (const pattern of patterns) {
      const whole = new RegExp(`^(?:${pattern.replaceAll('\\C', '[^]')})$`);
      expect(
        decoys.filter((decoy) => whole.test(decoy)),
        pattern,
      ).to.deep.equal([]);
    }
    const literal = valuesOf(json, 'exact').map(String);
    expect(literal).to.include('/a.c|/d').and.to.include('spiffe://cluster.local/ns/a.c/sa/x+');
  });

  it('no value stands in a pattern but quoted, whichever field or condition it is written in', () => {
    const marker = 'm.(n|o)+[p]{2}\\Q^$?';
    for (const kind of ['exact', 'prefix', 'suffix'] as const) {
      const value = { kind, value: marker };
      const texts = { values: [value], notValues: [value] };
      const tokens = { values: [{ issuer: value, subject: value }], notValues: [] };
      const keys = [
        'source.principal',
        'source.namespace',
        'source.trustDomain',
        'request.auth.audiences',
        'request.auth.presenter',
        'connection.sni',
      ] as const;
      const when: readonly Condition[] = [
        ...keys.map((key): Condition => ({ key, ...texts })),
        { key: 'request.auth.principal', ...tokens },
        { key: 'request.auth.claims', claim: [marker], ...texts },
        { key: 'request.headers', header: 'x', ...texts },
        {
          key: 'experimental.envoy.filters',
          filter: 'envoy.filters.http.x',
          path: [marker],
          values: [{ match: value, inList: true }],
          notValues: [],
        },
      ];
      const source = {
        ...anySource,
        principals: texts,
        namespaces: texts,
        trustDomains: texts,
        requestPrincipals: tokens,
      };
      const accounts = { values: [{ namespace: marker, name: marker }], notValues: [] };
      const from = [{ ...source, serviceAccounts: accounts }];
      const to = [{ ...anyOperation, hosts: texts, methods: texts, paths: texts }];
      for (const action of ['ALLOW', 'DENY'] as const) {
        const policy = { ...authorizationPolicy('foo', 'p', action, [{}]), rules: [{ from, to, when }] };
        const patterns = valuesOf(everything(compiled([web, ports, policy], proxy)), 'regex').map(String);
        expect(patterns.filter((pattern) => pattern.includes(quote(marker))).length).to.be.greaterThan(1);
        const rest = patterns.map((pattern) => pattern.replaceAll(quote(marker), ''));
        expect(rest.filter((pattern) => pattern.includes('(n|o)') || pattern.includes('[p]'))).to.deep.equal([]);
      }
    }
  });

  it('no rule that TCP can not express fails open: ALLOW refuses, DENY denies more', () => {
    const rules = (action: 'ALLOW' | 'DENY') => {
      const { json } = compiled(
        [web, ports, authorizationPolicy('foo', 'p', action, [{ to: { methods: ['GET'] } }])],
        proxy,
      );
      const { filter_chains } = json('listener', 'virtualInbound') as {
        readonly filter_chains: readonly { readonly name: string }[];
      };
      const chain = filter_chains.find(({ name }) => name === '0.0.0.0_9000-plaintext');
      return valuesOf(chain, 'policies')[0];
    };
    expect(rules('ALLOW')).to.deep.equal({
      'ns[foo]-policy[p]-rule[0]': {
        permissions: [{ not_rule: { any: true } }],
        principals: [{ not_id: { any: true } }],
      },
    });
    expect(rules('DENY')).to.deep.equal({
      'ns[foo]-policy[p]-rule[0]': { permissions: [{ any: true }], principals: [{ any: true }] },
    });
  });

  it('an ALLOW policy without rules refuses, and is not the same as none', () => {
    const policies = (...objects: readonly MeshObject[]) =>
      valuesOf(compiled([web, ports, ...objects], proxy).json('extension', 'coxswain.http.rbac.allow'), 'policies');
    expect(policies()).to.deep.equal([]);
    expect(policies(authorizationPolicy('foo', 'p', 'ALLOW', []))).to.deep.equal([
      {
        'ns[foo]-policy[p]-rule[0]': {
          permissions: [{ not_rule: { any: true } }],
          principals: [{ not_id: { any: true } }],
        },
      },
    ]);
  });

  it('a policy that a node claims to escape by its labels holds: the registry knows better', () => {
    const policy = authorizationPolicy('foo', 'p', 'DENY', [{}], { app: 'web' });
    const [honest, liar] = [proxy, sidecar(web, { labels: { app: 'free' }, serviceAccount: 'admin', ip: '10.0.0.9' })];
    expect(everything(compiled([web, ports, policy], liar))).to.deep.equal(
      everything(compiled([web, ports, policy], honest)),
    );
  });

  it('no proxy gets what another view gets: neither by the labels nor by the namespace', () => {
    const other = pod('foo', 'other-1', '10.0.0.2');
    const foreign = pod('bar', 'web-1', '10.0.0.3');
    const objects = [
      web,
      ports,
      other,
      foreign,
      service('bar', 'web', [[80, 8080, 'http']]),
      authorizationPolicy('foo', 'only-web', 'DENY', [{ to: { paths: ['/secret-of-web'] } }], { app: 'web' }),
      peerAuthentication('foo', 'only-web', 'STRICT', { labels: { app: 'web' } }),
    ];
    const compiler = new Compiler(snapshotOf(objects), new BuildCache({ verify: true }));
    const policyOf = (workload: typeof web) =>
      compiler
        .attach(sidecar(workload), () => undefined)
        .layers(types.extension)
        .flatMap((layer) => [...layer.resources.values()])
        .some(({ body }) => Buffer.from(body).includes('/secret-of-web'));
    expect([web, other, foreign].map(policyOf)).to.deep.equal([true, false, false]);
    expect(compiler.stats().views).to.equal(3);
  });

  it('the path that policy sees is the path that the application gets, and traversal is resolved first', () => {
    const managers = everything(compiled([web, ports], proxy))
      .flatMap((json) => valuesOf(json, 'typed_config'))
      .filter((config) =>
        String((config as { readonly '@type'?: string })['@type']).endsWith('.HttpConnectionManager'),
      );
    expect(managers.length).to.be.greaterThan(3);
    for (const manager of managers) expect(manager).to.include({ normalize_path: true });
  });

  it('identity headers from outside never pass for a proven identity', () => {
    const { filter_chains } = compiled([web, ports], proxy).json('listener', 'virtualInbound') as {
      readonly filter_chains: readonly unknown[];
    };
    const modes = new Set(filter_chains.flatMap((chain) => valuesOf(chain, 'forward_client_cert_details')));
    // Envoy removes the header where there is no client certificate, and appends the proven one where there is.
    expect([...modes]).to.deep.equal(['APPEND_FORWARD']);
    expect(new Set(filter_chains.flatMap((chain) => valuesOf(chain, 'use_remote_address')))).to.deep.equal(
      new Set([false]),
    );
  });

  it('under STRICT no chain takes what has no certificate, also on ports that nobody names', () => {
    const strict = peerAuthentication('istio-system', 'default', 'STRICT');
    const { filter_chains } = compiled([web, ports, strict], proxy).json('listener', 'virtualInbound') as {
      readonly filter_chains: readonly { readonly name: string; readonly transport_socket?: unknown }[];
    };
    const open = filter_chains.filter(({ transport_socket }) => transport_socket === undefined).map(({ name }) => name);
    expect(open).to.deep.equal(['virtualInbound-blackhole']);
    expect(
      filter_chains.flatMap((chain) => valuesOf(chain, 'require_client_certificate')).every((each) => each === true),
    ).to.equal(true);
  });

  it('a gateway has no part of a sidecar: it opens no port that no Gateway asked for', () => {
    const router = compiled(
      [web, ports, authorizationPolicy('foo', 'p', 'DENY', [{}])],
      sidecar(web, { kind: 'router' }),
    );
    expect(router.names('listener')).to.deep.equal([]);
    expect(router.names('route')).to.deep.equal([]);
    expect(router.names('cluster').filter((name) => name.startsWith('inbound'))).to.deep.equal([]);
  });
});
