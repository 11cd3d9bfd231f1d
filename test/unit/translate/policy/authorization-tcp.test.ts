import { expect } from 'chai';
import { anySource, type Condition } from '../../../../src/model/authorization-policy.ts';
import { stringMatch } from '../../../../src/model/match.ts';
import { forTcp } from '../../../../src/translate/policy/authorization-tcp.ts';
import { policy, type RuleText } from '../../../support/rbac-policies.ts';

const rulesOf = (action: 'ALLOW' | 'DENY', rules: readonly RuleText[]) =>
  forTcp(policy('p', action, rules)).rules.rules;
const written = (rule: RuleText, index: number) => ({ index, ...policy('p', 'ALLOW', [rule]).rules[0] });
const connection: RuleText = {
  from: [{ principals: ['x'], notNamespaces: ['y'] }],
  to: [{ ports: [1], notPorts: [2] }],
};

describe('forTcp', () => {
  for (const action of ['ALLOW', 'DENY'] as const) {
    it(`keeps what a connection can answer (${action})`, () => {
      const { rules, dropped } = forTcp(policy('p', action, [connection, {}]));
      expect(rules).to.deep.equal({ namespace: 'foo', name: 'p', rules: [written(connection, 0), written({}, 1)] });
      expect(dropped).to.deep.equal([]);
    });
  }

  for (const field of ['hosts', 'methods', 'paths', 'notHosts', 'notMethods', 'notPaths'] as const) {
    it(`drops an ALLOW rule with ${field}, and keeps the policy and its neighbours’ numbers`, () => {
      const { rules, dropped } = forTcp(
        policy('p', 'ALLOW', [{ to: [{ ports: [1] }, { ports: [1], [field]: ['x'] }] }, connection]),
      );
      expect(rules).to.deep.equal({ namespace: 'foo', name: 'p', rules: [written(connection, 1)] });
      expect(dropped).to.deep.equal([{ field: `spec.rules[0].to[1].operation.${field}`, effect: 'rule' }]);
    });

    it(`drops only ${field} from a DENY rule`, () => {
      const { rules, dropped } = forTcp(
        policy('p', 'DENY', [{ from: [{ namespaces: ['a'] }], to: [{ ports: [1], [field]: ['x'] }] }]),
      );
      expect(rules.rules).to.deep.equal([written({ from: [{ namespaces: ['a'] }], to: [{ ports: [1] }] }, 0)]);
      expect(dropped).to.deep.equal([{ field: `spec.rules[0].to[0].operation.${field}`, effect: 'condition' }]);
    });
  }

  for (const action of ['AUDIT', 'CUSTOM'] as const) {
    it(`drops conditions from a rule of ${action} as from one of DENY`, () => {
      const rules = [{ to: [{ ports: [1], methods: ['GET'] }] }, { to: [{ hosts: ['h'] }] }];
      const { dropped, rules: left } = forTcp(policy('p', action, rules));
      expect(left.rules).to.deep.equal([written({ to: [{ ports: [1] }] }, 0), written({}, 1)]);
      expect(dropped.map(({ effect }) => effect)).to.deep.equal(['condition', 'condition']);
    });
  }

  describe('with conditions and tokens', () => {
    const one = { values: [stringMatch('x')], notValues: [] };
    const block = { values: [{ address: '10.0.0.0', prefixLength: 8 }], notValues: [] };
    const token = { values: [{ issuer: stringMatch('i'), subject: stringMatch('s') }], notValues: [] };
    const kept: readonly Condition[] = [
      { key: 'source.principal', ...one },
      { key: 'source.namespace', ...one },
      { key: 'source.trustDomain', ...one },
      { key: 'source.serviceAccount', values: [{ namespace: 'a', name: 'b' }], notValues: [] },
      { key: 'source.ip', ...block },
      { key: 'remote.ip', ...block },
      { key: 'destination.ip', ...block },
      { key: 'destination.port', values: [1], notValues: [] },
      { key: 'connection.sni', ...one },
      {
        key: 'experimental.envoy.filters',
        filter: 'envoy.filters.network.x',
        path: ['a'],
        values: [{ match: stringMatch('x'), inList: false }],
        notValues: [],
      },
    ];
    const lost: readonly Condition[] = [
      { key: 'request.auth.principal', ...token },
      { key: 'request.auth.audiences', ...one },
      { key: 'request.auth.presenter', ...one },
      { key: 'request.auth.claims', claim: ['a'], ...one },
      { key: 'request.headers', header: 'x', values: [], notValues: one.values },
      {
        key: 'experimental.envoy.filters',
        filter: 'envoy.filters.http.jwt_authn',
        path: ['payload', 'sub'],
        values: [],
        notValues: [{ match: stringMatch('x'), inList: false }],
      },
    ];

    it('keeps every condition that a connection can answer', () => {
      for (const action of ['ALLOW', 'DENY'] as const) {
        const { rules, dropped } = forTcp(policy('p', action, [{ when: kept }]));
        expect([rules.rules[0]?.when, dropped]).to.deep.equal([kept, []]);
      }
    });

    for (const condition of lost) {
      it(`can't ask for ${condition.key}`, () => {
        const when = [...kept, condition];
        const field = `spec.rules[0].when[${kept.length}]`;
        const allow = forTcp(policy('p', 'ALLOW', [{ when }]));
        expect([allow.rules.rules, allow.dropped]).to.deep.equal([[], [{ field, effect: 'rule' }]]);
        const deny = forTcp(policy('p', 'DENY', [{ when }]));
        expect([deny.rules.rules[0]?.when, deny.dropped]).to.deep.equal([kept, [{ field, effect: 'condition' }]]);
      });
    }

    it('can’t ask for the principal of a request, nor for none', () => {
      for (const [set, name] of [
        [token, 'requestPrincipals'],
        [{ values: [], notValues: token.values }, 'notRequestPrincipals'],
      ] as const) {
        const rules = [{ from: [{ ...anySource, requestPrincipals: set, namespaces: one }], to: [], when: [] }];
        const field = `spec.rules[0].from[0].source.${name}`;
        const allow = forTcp({ ...policy('p', 'ALLOW', []), rules });
        expect([allow.rules.rules, allow.dropped]).to.deep.equal([[], [{ field, effect: 'rule' }]]);
        const deny = forTcp({ ...policy('p', 'DENY', []), rules });
        expect(deny.rules.rules).to.deep.equal([
          { index: 0, from: [{ ...anySource, namespaces: one }], to: [], when: [] },
        ]);
      }
    });
  });

  it('is the same object for the same policy, so that what was compiled of it is found again', () => {
    const source = policy('p', 'DENY', [{ to: [{ paths: ['/a'] }] }]);
    expect(forTcp(source)).to.equal(forTcp(source));
  });

  it('names every dropped field', () => {
    const { dropped } = forTcp(
      policy('p', 'DENY', [{}, { to: [{ hosts: ['h'], notHosts: ['i'] }, { methods: ['GET'] }] }]),
    );
    expect(dropped.map(({ field }) => field)).to.deep.equal([
      'spec.rules[1].to[0].operation.hosts',
      'spec.rules[1].to[0].operation.notHosts',
      'spec.rules[1].to[1].operation.methods',
    ]);
  });

  it('denies on any operation where one of them is left without a condition', () => {
    expect(rulesOf('DENY', [{ to: [{ methods: ['POST'] }, { ports: [1] }] }])).to.deep.equal([written({}, 0)]);
  });

  it('is equal for policies that differ only in what a connection can’t answer, and in their metadata', () => {
    for (const action of ['ALLOW', 'DENY'] as const) {
      const before = policy('p', action, [{ to: [{ paths: ['/a'], ports: [1] }] }, connection]);
      const after = policy('p', action, [{ to: [{ paths: ['/b', '/c*'], ports: [1] }] }, connection]);
      const edited = { ...after, meta: { ...after.meta, generation: 2, createdAt: 5, labels: { x: 'y' } } };
      expect(forTcp(edited)).to.deep.equal(forTcp(before));
    }
  });

  it('leaves the policy as it was', () => {
    const source = policy('p', 'DENY', [{ to: [{ paths: ['/a'], ports: [1] }] }]);
    const copy = structuredClone(source);
    forTcp(source);
    expect(source).to.deep.equal(copy);
  });
});
