import { expect } from 'chai';
import { parseRuleName } from '../../../src/explain/rule-name.ts';
import { ruleName } from '../../../src/model/authorization-policy.ts';

describe('the name of a rule in Envoy', () => {
  it('leads back to its policy', () => {
    const name = ruleName({ meta: { namespace: 'shop', name: 'web.v1' } }, 3);
    const ref = { namespace: 'shop', name: 'web.v1', rule: 3, provider: '', unasked: false };
    expect(parseRuleName(name)).to.deep.equal(ref);
    expect(parseRuleName(`istio-ext-authz-a-b-${name}`)).to.deep.equal({ ...ref, provider: 'a-b' });
    expect(parseRuleName(`istio-ext-authz-a-${name}-deny-due-to-bad-CUSTOM-action`)).to.deep.equal({
      ...ref,
      provider: 'a',
      unasked: true,
    });
    expect(parseRuleName('_anonymous_match_nothing_')).to.equal(undefined);
  });
});
