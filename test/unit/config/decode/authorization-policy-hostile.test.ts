import { expect } from 'chai';
import { readContent } from '../../../../src/config/file-content.ts';

/** What is enforced of a policy with this action, and one rule with a path. */
function enforced(action: string): readonly unknown[] {
  const head = 'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: foo}\n';
  const spec = `spec: {action: ${action}, rules: [{to: [{operation: {paths: [/admin]}}]}]}\n`;
  return [...readContent('a.yaml', head + spec).entries.values()].map(({ object, broken }) => ({
    broken,
    action: object?.kind === 'AuthorizationPolicy' ? object.action : undefined,
    rules: object?.kind === 'AuthorizationPolicy' ? object.rules.length : 0,
  }));
}

describe('config/decode: an action with a slip of the pen', () => {
  for (const written of ['Deny', 'deny', 'DENYY', 'DNEY']) {
    it(`enforces ${written} as DENY, and calls it broken`, () => {
      expect(enforced(written)).to.deep.equal([{ broken: true, action: 'DENY', rules: 1 }]);
    });
  }

  it('enforces nothing of an action that nobody can guess', () => {
    expect(enforced('REJECT')).to.deep.equal([{ broken: true, action: undefined, rules: 0 }]);
  });
});
