import { expect } from 'chai';
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
