import { expect } from 'chai';
import { trustDomain } from '../../../../src/model/ids.ts';
import { matchText, stringMatch } from '../../../../src/model/match.ts';
import {
  expandTrustDomainNames,
  expandTrustDomains,
} from '../../../../src/translate/policy/authorization-trust-domain.ts';

const expand = (principals: readonly string[], domain: string, aliases: readonly string[] = []) =>
  expandTrustDomains(principals.map(stringMatch), {
    trustDomain: trustDomain(domain),
    trustDomainAliases: aliases.map(trustDomain),
  }).map(matchText);

/** What a user writes, under which trust domain and aliases, and what is compared. */
const vectors: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  ['td/ns/a/sa/b', 'td', [], ['td/ns/a/sa/b']],
  ['td/ns/a/sa/b', 'td', ['old'], ['td/ns/a/sa/b', 'old/ns/a/sa/b']],
  ['old/ns/a/sa/b', 'td', ['old'], ['td/ns/a/sa/b', 'old/ns/a/sa/b']],
  ['other/ns/a/sa/b', 'td', ['old'], ['other/ns/a/sa/b']],
  ['cluster.local/ns/a/sa/b', 'td', [], ['td/ns/a/sa/b']],
  ['cluster.local/ns/a/sa/b', 'td', ['old', 'older'], ['td/ns/a/sa/b', 'old/ns/a/sa/b', 'older/ns/a/sa/b']],
  ['td/ns/a/sa/b*', 'td', ['old'], ['td/ns/a/sa/b*', 'old/ns/a/sa/b*']],
  ['td/ns/a/sa/*', 'td', ['old'], ['td/ns/a/sa/*', 'old/ns/a/sa/*']],
  ['*', 'td', ['old'], ['*']],
  ['*/ns/a/sa/b', 'td', ['old'], ['*/ns/a/sa/b']],
  ['*d/ns/a/sa/b', 'td', ['old'], ['*d/ns/a/sa/b']],
  ['*td/ns/a/sa/b', 'td', ['old'], ['*td/ns/a/sa/b', 'old/ns/a/sa/b']],
  ['t*/ns/a/sa/b', 'td', [], ['td/ns/a/sa/b']],
  ['x*/ns/a/sa/b', 'td', [], ['x*/ns/a/sa/b']],
  ['td/ns/a*', 'td', ['old'], ['td/ns/a*']],
  ['*/sa/b', 'td', ['old'], ['*/sa/b']],
  ['td/ns/a/sa/b/c', 'td', ['old'], ['td/ns/a/sa/b/c']],
  ['jinsu-macbook', 'td', ['old'], ['jinsu-macbook']],
  ['TD/ns/a/sa/b', 'td', ['old'], ['TD/ns/a/sa/b']],
];

describe('expandTrustDomains', () => {
  for (const [written, domain, aliases, compared] of vectors) {
    it(`reads ${written} in ${[domain, ...aliases].join(', ')}`, () => {
      expect(expand([written], domain, aliases)).to.deep.equal(compared);
    });
  }

  it('keeps the order, and each value once', () => {
    const written = ['x', 'old/ns/a/sa/b', 'td/ns/a/sa/b', 'x', 'td/ns/c/sa/d'];
    expect(expand(written, 'td', ['old'])).to.deep.equal([
      'x',
      'td/ns/a/sa/b',
      'old/ns/a/sa/b',
      'td/ns/c/sa/d',
      'old/ns/c/sa/d',
    ]);
  });
});

describe('expandTrustDomainNames', () => {
  const vectors: readonly (readonly [string, readonly string[]])[] = [
    ['new', ['new', 'old']],
    ['old', ['new', 'old']],
    ['cluster.local', ['new', 'old']],
    ['other', ['other']],
    ['ne*', ['ne*']],
    ['*ew', ['*ew']],
    ['*', ['*']],
    ['NEW', ['NEW']],
  ];
  for (const [written, compared] of vectors) {
    it(`reads ${written} in new, old`, () => {
      const mesh = { trustDomain: trustDomain('new'), trustDomainAliases: [trustDomain('old')] };
      expect(expandTrustDomainNames([stringMatch(written)], mesh).map(matchText)).to.deep.equal(compared);
    });
  }
});
