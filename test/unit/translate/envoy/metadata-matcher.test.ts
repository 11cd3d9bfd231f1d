import { expect } from 'chai';
import { stringMatch } from '../../../../src/model/match.ts';
import { claimMatcher, metadataMatcher, textClaimMatcher } from '../../../../src/translate/envoy/metadata-matcher.ts';

describe('metadata matchers', () => {
  const text = { stringMatch: { exact: 'x' } };

  it('ask for a claim in the payload of the token, as text or in a list', () => {
    expect(claimMatcher(['realm', 'a.b'], stringMatch('x'), 'narrow')).to.deep.equal({
      filter: 'envoy.filters.http.jwt_authn',
      path: [{ key: 'payload' }, { key: 'realm' }, { key: 'a.b' }],
      value: { orMatch: { valueMatchers: [{ listMatch: { oneOf: text } }, text] } },
    });
  });

  it('ask for a text or for an element of a list, of any filter', () => {
    const of = (shape: 'text' | 'list') =>
      metadataMatcher('envoy.filters.http.x', ['a'], stringMatch('x'), shape).value;
    expect(of('text')).to.deep.equal(text);
    expect(of('list')).to.deep.equal({ listMatch: { oneOf: text } });
  });

  it('ask for the number or the boolean that a text stands for, too', () => {
    const of = (value: string, lean: 'narrow' | 'wide') =>
      (claimMatcher(['a'], stringMatch(value), lean).value?.orMatch?.valueMatchers ?? []).slice(1);
    const as = (value: string) => ({ stringMatch: { exact: value } });
    for (const lean of ['narrow', 'wide'] as const) {
      expect(of('true', lean)).to.deep.equal([as('true'), { boolMatch: true }]);
      expect(of('false', lean)).to.deep.equal([as('false'), { boolMatch: false }]);
      expect(of('-1.5', lean)).to.deep.equal([as('-1.5'), { doubleMatch: { exact: -1.5 } }]);
      expect(of('0', lean)).to.deep.equal([as('0'), { doubleMatch: { exact: 0 } }]);
      for (const text of ['True', 'NaN', 'Infinity', '0x10', '01', '+1', '.5', '1_000', ' 1', '1e999'])
        expect(of(text, lean), text).to.deep.equal([as(text)]);
      for (const text of ['5*', '*5', 'tru*']) expect(of(text, lean), text).to.have.length(1);
    }
  });

  it('ask for a number that Envoy may take for another, or that has another spelling, only where that denies', () => {
    for (const text of ['9007199254740993', '5.0', '1e2', '-0']) {
      const of = (lean: 'narrow' | 'wide') => claimMatcher(['a'], stringMatch(text), lean).value?.orMatch;
      expect(of('narrow')?.valueMatchers?.slice(1), text).to.deep.equal([{ stringMatch: { exact: text } }]);
      expect(of('wide')?.valueMatchers?.slice(1), text).to.deep.equal([
        { stringMatch: { exact: text } },
        { doubleMatch: { exact: Number(text) } },
      ]);
    }
  });

  it('ask for texts alone where the claim is one by definition', () => {
    expect(textClaimMatcher('azp', stringMatch('5')).value).to.deep.equal({
      orMatch: {
        valueMatchers: [{ listMatch: { oneOf: { stringMatch: { exact: '5' } } } }, { stringMatch: { exact: '5' } }],
      },
    });
  });
});
