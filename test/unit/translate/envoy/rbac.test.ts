import { encode, envoy, toJson } from '@envoyproxy/protos';
import { expect } from 'chai';
import { anyOperation, type Operation } from '../../../../src/model/authorization-policy.ts';
import { trustDomain } from '../../../../src/model/ids.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import {
  httpCustomMatch,
  httpRbac,
  networkCustomMatch,
  networkRbac,
  rbacRules,
} from '../../../../src/translate/envoy/rbac.ts';
import {
  deniedForProvider,
  forHttp,
  namedForProvider,
  type PolicyRules,
} from '../../../../src/translate/policy/authorization.ts';
import { forTcp } from '../../../../src/translate/policy/authorization-tcp.ts';
import { policy, type RuleText } from '../../../support/rbac-policies.ts';

const json = (action: 'ALLOW' | 'DENY', rules: readonly RuleText[]) =>
  toJson('envoy.config.rbac.v3.RBAC', rbacRules(action, [forHttp(policy('web', action, rules))], defaultMesh));

const enforced = (...policies: readonly PolicyRules[]) => ({ enforced: policies, dryRun: [] });
const name = (rule: number) => `ns[foo]-policy[web]-rule[${rule}]`;
const regex = (pattern: string) => ({ authenticated: { principalName: { safeRegex: { regex: pattern } } } });

describe('rbacRules', () => {
  it('has the shape of behaviour.md A.5', () => {
    const rule: RuleText = {
      from: [{ principals: ['cluster.local/ns/a/sa/b'], notNamespaces: ['x'] }],
      to: [{ methods: ['GET'], paths: ['/api/*'] }],
    };
    expect(json('ALLOW', [rule])).to.deep.equal({
      policies: {
        [name(0)]: {
          permissions: [
            {
              andRules: {
                rules: [
                  { orRules: { rules: [{ header: { name: ':method', stringMatch: { exact: 'GET' } } }] } },
                  { orRules: { rules: [{ urlPath: { path: { prefix: '/api/' } } }] } },
                ],
              },
            },
          ],
          principals: [
            {
              andIds: {
                ids: [
                  {
                    orIds: {
                      ids: [{ authenticated: { principalName: { exact: 'spiffe://cluster.local/ns/a/sa/b' } } }],
                    },
                  },
                  { notId: { orIds: { ids: [regex('spiffe://[^/]+/ns/x/\\C+')] } } },
                ],
              },
            },
          ],
        },
      },
    });
  });

  it('writes fields in the order principals, namespaces; hosts, methods, paths, ports; each before its twin', () => {
    const rule: RuleText = {
      from: [{ notNamespaces: ['d'], namespaces: ['c'], notPrincipals: ['b'], principals: ['a'] }],
      to: [{ notPorts: [2], ports: [1], paths: ['/p'], methods: ['M'], hosts: ['h*'], notHosts: ['*'] }],
    };
    const text = JSON.stringify(json('DENY', [rule]));
    const order = [
      '"h"',
      'presentMatch',
      '"M"',
      '"/p"',
      'destinationPort":1',
      'destinationPort":2',
      '//a"',
      '//b"',
      '/c/',
      '/d/',
    ];
    expect(order.map((part) => text.indexOf(part))).to.deep.equal(
      order.map((part) => text.indexOf(part)).toSorted((a, b) => a - b),
    );
    expect(order.filter((part) => !text.includes(part))).to.deep.equal([]);
  });

  it('gives each source and each operation its own entry, and "any" where there is none', () => {
    expect(json('DENY', [{ from: [{ principals: ['*'] }, {}] }, { to: [{ ports: [1] }, {}] }])).to.deep.equal({
      action: 'DENY',
      policies: {
        [name(0)]: {
          permissions: [{ any: true }],
          principals: [{ orIds: { ids: [regex('\\C+')] } }, { any: true }],
        },
        [name(1)]: {
          permissions: [{ orRules: { rules: [{ destinationPort: 1 }] } }, { any: true }],
          principals: [{ any: true }],
        },
      },
    });
  });

  it('writes a policy without rules as one that never matches', () => {
    expect(json('ALLOW', [])).to.deep.equal({
      policies: { [name(0)]: { permissions: [{ notRule: { any: true } }], principals: [{ notId: { any: true } }] } },
    });
  });

  it('compares a path’s presence by the header, without a pattern', () => {
    const header = { header: { name: ':path', presentMatch: true } };
    expect(json('ALLOW', [{ to: [{ paths: ['*'] }] }])).to.deep.equal({
      policies: {
        [name(0)]: {
          permissions: [{ orRules: { rules: [header] } }],
          principals: [{ any: true }],
        },
      },
    });
  });

  it('lets a principal match under every name of the mesh, also where it must not', () => {
    const mesh = { trustDomain: trustDomain('new'), trustDomainAliases: [trustDomain('old')] };
    const rule: RuleText = { from: [{ principals: ['old/ns/a/sa/b'], notPrincipals: ['new/ns/c/sa/d'] }] };
    const text = JSON.stringify(rbacRules('ALLOW', [forHttp(policy('web', 'ALLOW', [rule]))], mesh));
    expect(text.match(/spiffe:[^"]*/g)).to.deep.equal([
      'spiffe://new/ns/a/sa/b',
      'spiffe://old/ns/a/sa/b',
      'spiffe://new/ns/c/sa/d',
      'spiffe://old/ns/c/sa/d',
    ]);
  });

  it('writes names in ascending order, so that the bytes don’t depend on the order of policies', () => {
    const policies = [policy('b', 'DENY', [{}, {}]), policy('a', 'DENY', [{}]), policy('z', 'DENY', [{}], 'bar')].map(
      forHttp,
    );
    const rules = rbacRules('DENY', policies, defaultMesh);
    expect(Object.keys(rules.policies ?? {})).to.deep.equal([
      'ns[bar]-policy[z]-rule[0]',
      'ns[foo]-policy[a]-rule[0]',
      'ns[foo]-policy[b]-rule[0]',
      'ns[foo]-policy[b]-rule[1]',
    ]);
    const type = 'envoy.config.rbac.v3.RBAC';
    expect(encode(type, rbacRules('DENY', policies.toReversed(), defaultMesh))).to.deep.equal(encode(type, rules));
  });
});

describe('what was compiled of a policy', () => {
  const compiledOf = (rules: PolicyRules, action: 'ALLOW' | 'DENY', mesh = defaultMesh) =>
    Object.values(rbacRules(action, [rules], mesh).policies ?? {})[0];

  it('is found again for the same policy, and made anew for another, another mesh and another way to lean', () => {
    const rules = forHttp(policy('p', 'DENY', [{ from: [{ principals: ['cluster.local/ns/a/sa/b'] }] }]));
    const first = compiledOf(rules, 'DENY');
    expect(compiledOf(rules, 'DENY')).to.equal(first);
    expect(compiledOf({ ...rules }, 'DENY')).not.to.equal(first);
    expect(compiledOf(rules, 'ALLOW')).not.to.equal(first);
    const renamed = { ...defaultMesh, trustDomain: trustDomain('new') };
    expect(JSON.stringify(compiledOf(rules, 'DENY', renamed))).to.contain('spiffe://new/ns/a/sa/b');
    const joined = { ...defaultMesh, trustDomainAliases: [trustDomain('old')] };
    expect(JSON.stringify(compiledOf(rules, 'DENY', joined))).to.contain('spiffe://old/ns/a/sa/b');
  });
});

describe('path templates', () => {
  const template = { kind: 'template', value: '/a/{*}/{**}' } as const;
  const of = (action: 'ALLOW' | 'DENY', paths: Operation['paths']) => {
    const rules = [{ from: [], to: [{ ...anyOperation, paths }], when: [] }];
    const [only] = Object.values(
      rbacRules(action, [forHttp({ ...policy('p', action, []), rules })], defaultMesh).policies ?? {},
    );
    return toJson('envoy.config.rbac.v3.Policy', only ?? {});
  };
  const positive = { values: [template], notValues: [] };
  const negative = { values: [], notValues: [template] };

  it('are Envoy’s own where less is safer', () => {
    const text = JSON.stringify(of('ALLOW', positive));
    expect(text).to.contain('"pathTemplate":"/a/*/**"').and.not.to.contain('notRule');
    expect(JSON.stringify(of('DENY', negative)).match(/notRule/g)).to.have.length(1);
  });

  it('hold for odd characters, too, where more is safer', () => {
    for (const json of [of('DENY', positive), of('ALLOW', negative)]) {
      expect(JSON.stringify(json)).to.contain('"pathTemplate":"/a/*/**"').and.to.contain('"prefix":"/a/"');
    }
  });
});

describe('dry runs', () => {
  const rules = forHttp(policy('p', 'ALLOW', [{}]));

  it('are shadow rules beside what is enforced, each action under its own keys', () => {
    for (const action of ['ALLOW', 'DENY'] as const) {
      const shadowRules = rbacRules(action, [rules], defaultMesh);
      const shadowRulesStatPrefix = `istio_dry_run_${action.toLowerCase()}_`;
      const both = { enforced: [rules], dryRun: [rules] };
      const alone = { enforced: [], dryRun: [rules] };
      expect(httpRbac(action, both, defaultMesh)).to.deep.equal({
        rules: shadowRules,
        shadowRules,
        shadowRulesStatPrefix,
      });
      expect(httpRbac(action, alone, defaultMesh)).to.deep.equal({ shadowRules, shadowRulesStatPrefix });
      expect(networkRbac(action, alone, defaultMesh)).to.deep.equal({
        shadowRules,
        shadowRulesStatPrefix,
        statPrefix: 'tcp.',
      });
    }
  });
});

describe('AUDIT', () => {
  const rules = forHttp(policy('p', 'AUDIT', [{}]));

  it('lets all pass, and says by shadow rules what it matched', () => {
    expect(httpRbac('AUDIT', enforced(rules), defaultMesh)).to.deep.equal({
      rules: rbacRules('AUDIT', [rules], defaultMesh),
      shadowRules: rbacRules('DENY', [rules], defaultMesh),
      shadowRulesStatPrefix: 'coxswain_audit_',
    });
    expect(rbacRules('AUDIT', [rules], defaultMesh).action).to.equal(envoy.config.rbac.v3.RBAC.Action.LOG);
    expect(httpRbac('AUDIT', enforced(), defaultMesh)).to.deep.equal({});
  });
});

describe('CUSTOM', () => {
  const named = namedForProvider(forHttp(policy('p', 'CUSTOM', [{}])), 'a-b');

  it('is matched by shadow rules that decide nothing, under the provider’s own keys and names', () => {
    const filter = httpCustomMatch([named], 'a-b', defaultMesh);
    expect(Object.keys(filter)).to.deep.equal(['shadowRules', 'shadowRulesStatPrefix']);
    expect(filter.shadowRulesStatPrefix).to.equal('istio_ext_authz_a-b_');
    expect(filter.shadowRules?.action).to.equal(envoy.config.rbac.v3.RBAC.Action.DENY);
    expect(Object.keys(filter.shadowRules?.policies ?? {})).to.deep.equal([
      'istio-ext-authz-a-b-ns[foo]-policy[p]-rule[0]',
    ]);
    expect(networkCustomMatch([named], 'a-b', defaultMesh)).to.deep.equal({ ...filter, statPrefix: 'tcp.' });
  });

  it('denies among the others where nobody can be asked, under a name that says so', () => {
    const broken = deniedForProvider(forHttp(policy('p', 'CUSTOM', [{}])), 'gone');
    const filter = httpRbac('DENY', enforced(forHttp(policy('q', 'DENY', [{}])), broken), defaultMesh);
    expect(Object.keys(filter.rules?.policies ?? {})).to.deep.equal([
      'istio-ext-authz-gone-ns[foo]-policy[p]-rule[0]-deny-due-to-bad-CUSTOM-action',
      'ns[foo]-policy[q]-rule[0]',
    ]);
  });
});

describe('httpRbac', () => {
  it('is empty, and so lets all pass, without policies', () => {
    expect(httpRbac('ALLOW', enforced(), defaultMesh)).to.deep.equal({});
  });

  it('holds the rules of its action', () => {
    const policies = [forHttp(policy('p', 'DENY', [{}]))];
    expect(httpRbac('DENY', enforced(...policies), defaultMesh)).to.deep.equal({
      rules: rbacRules('DENY', policies, defaultMesh),
    });
  });
});

describe('networkRbac', () => {
  it('is none without policies', () => {
    expect(networkRbac('DENY', enforced(), defaultMesh)).to.equal(undefined);
  });

  it('still denies all where TCP leaves an ALLOW policy without a rule', () => {
    const policies = [forTcp(policy('p', 'ALLOW', [{ to: [{ methods: ['GET'] }] }])).rules];
    expect(networkRbac('ALLOW', enforced(...policies), defaultMesh)).to.deep.equal({
      rules: rbacRules('ALLOW', [{ namespace: 'foo', name: 'p', rules: [] }], defaultMesh),
      statPrefix: 'tcp.',
    });
  });

  it('has the same bytes after an edit of a path, and other ones after an edit of a principal', () => {
    const bytes = (path: string, principal: string) => {
      const rule: RuleText = { from: [{ principals: [principal] }], to: [{ paths: [path], ports: [1] }] };
      const filter = networkRbac('DENY', enforced(forTcp(policy('p', 'DENY', [rule])).rules), defaultMesh);
      return Buffer.from(encode('envoy.extensions.filters.network.rbac.v3.RBAC', filter ?? {})).toString('hex');
    };
    expect(bytes('/b*', 'x')).to.equal(bytes('/a', 'x'));
    expect(bytes('/a', 'y')).not.to.equal(bytes('/a', 'x'));
  });

  it('denies by the action that it was asked for', () => {
    const filter = networkRbac('DENY', enforced(forTcp(policy('p', 'DENY', [{}])).rules), defaultMesh);
    expect(filter?.rules?.action).to.equal(envoy.config.rbac.v3.RBAC.Action.DENY);
  });
});
