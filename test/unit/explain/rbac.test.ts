import { expect } from 'chai';
import { type Facts, matchRbac } from '../../../src/explain/rbac.ts';
import { anySource, type Source } from '../../../src/model/authorization-policy.ts';
import { trustDomain } from '../../../src/model/ids.ts';
import { stringMatch } from '../../../src/model/match.ts';
import { sourcePrincipal } from '../../../src/translate/envoy/rbac-principal.ts';

const facts: Facts = {
  peerNames: ['spiffe://cluster.local/ns/shop/sa/caller'],
  headers: new Map([
    [':path', '/info?x=1'],
    [':method', 'GET'],
    ['x-team', 'red,blue'],
  ]),
  destination: { address: '10.1.0.1', port: 8080 },
  peerAddress: '10.1.0.3',
  remoteAddress: '10.1.0.3',
  sni: '',
  metadata: { 'envoy.filters.http.jwt_authn': { payload: { groups: ['dev'] } } },
};
const any = [{ any: true }];

describe('the RBAC evaluator', () => {
  it('finds the first policy by name that matches, and what keeps the others from it', () => {
    const rules = {
      policies: {
        c: { permissions: any, principals: any },
        b: { permissions: any, principals: any },
        a: { permissions: [{ destinationPort: 80 }], principals: any },
      },
    };
    expect(matchRbac(rules, facts)).to.deep.equal({
      matched: 'b',
      misses: [{ policy: 'a', conditions: [{ attribute: 'port', wanted: ['80'], negated: false, actual: '8080' }] }],
    });
  });

  it('compares paths without query, and patterns as a whole', () => {
    const matches = (path: object): boolean =>
      matchRbac({ policies: { p: { permissions: [{ urlPath: { path } }], principals: any } } }, facts).matched === 'p';
    expect(matches({ exact: '/info' })).to.equal(true);
    expect(matches({ safeRegex: { regex: '/inf' } })).to.equal(false);
    expect(matches({ safeRegex: { regex: '/inf|/info' } })).to.equal(true);
    expect(matches({ exact: '/INFO', ignoreCase: true })).to.equal(true);
  });

  it('joins the values of a repeated header, or tries them one by one', () => {
    const header = { name: 'x-team', stringMatch: { exact: 'red' } };
    const rules = { policies: { p: { permissions: [{ header }], principals: any } } };
    expect(matchRbac(rules, facts).matched).to.equal(undefined);
    const apart = { ...facts, headerValues: new Map([['x-team', ['red', 'blue']]]) };
    expect(matchRbac(rules, apart).matched).to.equal('p');
  });

  it('says what is asked of a peer in the words of policies', () => {
    const missOf = (match: Partial<Source>): unknown => {
      const source = { ...anySource, ...match };
      const principals = [
        sourcePrincipal(source, [], { trustDomain: trustDomain('cluster.local'), trustDomainAliases: [] }, 'narrow'),
      ];
      return matchRbac({ policies: { p: { permissions: any, principals } } }, facts).misses[0]?.conditions[0];
    };
    const peer = 'cluster.local/ns/shop/sa/caller';
    const only = <T>(value: T) => ({ values: [value], notValues: [] });
    const miss = (attribute: string, wanted: string, actual: string) => ({
      attribute,
      wanted: [wanted],
      negated: false,
      actual,
    });
    expect(missOf({ namespaces: only(stringMatch('a.b')) })).to.deep.equal(miss('source namespace', 'a.b', 'shop'));
    expect(missOf({ namespaces: only(stringMatch('a*')) })).to.deep.equal(miss('source namespace', 'a*', 'shop'));
    expect(missOf({ serviceAccounts: only({ namespace: 'a', name: 'b' }) })).to.deep.equal(
      miss('source service account', 'a/b', 'shop/caller'),
    );
    expect(missOf({ principals: only(stringMatch('*/sa/x.y')) })).to.deep.equal(
      miss('source principal', '*/sa/x.y', peer),
    );
    expect(missOf({ principals: only(stringMatch('td/*')) })).to.deep.equal(miss('source principal', 'td/*', peer));
  });

  it('throws on what it does not know, also inside of a NOT', () => {
    const unknown = { sourcedMetadata: {} };
    for (const permission of [unknown, { notRule: unknown }, { orRules: { rules: [unknown] } }]) {
      const rules = { policies: { p: { permissions: [permission], principals: any } } };
      expect(() => matchRbac(rules, facts)).to.throw('unknown permission');
    }
    const header = { name: 'x', safeRegexMatch: { regex: 'x' } };
    const old = { policies: { p: { permissions: [{ header }], principals: any } } };
    expect(() => matchRbac(old, facts)).to.throw('unknown header matcher');
  });
});
