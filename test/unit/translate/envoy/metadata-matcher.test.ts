import { expect } from 'chai';
import { stringMatch } from '../../../../src/model/match.ts';
import { claimMatcher, metadataMatcher } from '../../../../src/translate/envoy/metadata-matcher.ts';

describe('metadata matchers', () => {
  const text = { stringMatch: { exact: 'x' } };

  it('ask for a claim in the payload of the token, as text or in a list', () => {
    expect(claimMatcher(['realm', 'a.b'], stringMatch('x'))).to.deep.equal({
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
});
