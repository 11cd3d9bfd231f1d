import { expect } from 'chai';
import { keyFindings } from '../../../src/jwks/findings.ts';
import type { KeyState } from '../../../src/jwks/key-fetcher.ts';
import { wantedKeys } from '../../../src/jwks/wanted.ts';
import type { KeySource } from '../../../src/model/request-authentication.ts';
import { requestAuthentication, jwtRule as rule } from '../../support/objects.ts';

const remote = (uri: string): KeySource => ({ kind: 'remote', uri });
const issuer = 'https://a.example/.well-known/openid-configuration';

describe('the keys that policies want', () => {
  it('are each fetched once, for all that name them, within the longest time that any gives', () => {
    const wanted = wantedKeys([
      requestAuthentication('foo', 'one', [
        rule('a', remote('https://a.example/k'), { timeoutMs: 1_000 }),
        rule('b', { kind: 'none' }),
      ]),
      requestAuthentication('bar', 'two', [
        rule('a', remote('https://a.example/k'), { timeoutMs: 7_000 }),
        rule('c', { kind: 'inline', jwks: '{}' }),
      ]),
      requestAuthentication('bar', 'three', [rule('a', remote('https://a.example/k'), { timeoutMs: 2_000 })]),
    ]);
    expect(wanted).to.deep.equal([
      {
        id: 'https://a.example/k',
        place: { kind: 'remote', uri: 'https://a.example/k' },
        timeoutMs: 7_000,
        owners: ['bar', 'foo'],
      },
    ]);
  });

  it('are never the same for an address and for an issuer, nor for two spellings of an issuer', () => {
    const wanted = wantedKeys([
      requestAuthentication('foo', 'one', [rule('a', remote(issuer))]),
      requestAuthentication('foo', 'two', [
        rule('https://a.example', { kind: 'discovered', issuer: 'https://a.example' }),
      ]),
      requestAuthentication('foo', 'three', [
        rule('https://a.example/', { kind: 'discovered', issuer: 'https://a.example/' }),
      ]),
    ]);
    expect(wanted.map(({ id }) => id)).to.deep.equal([issuer, 'openid https://a.example', 'openid https://a.example/']);
  });
});

describe('what is said of keys', () => {
  const down = { kind: 'connection', reason: "a.example can't be asked (ECONNREFUSED)" } as const;
  const one = requestAuthentication('foo', 'jwt', [
    rule('first', { kind: 'none' }),
    rule('me', remote('https://a.example/k')),
  ]);
  const found = requestAuthentication('foo', 'oidc', [
    rule('https://i.example', { kind: 'discovered', issuer: 'https://i.example' }),
  ]);
  const now = 100 * 24 * 3_600_000;
  const said = (state: KeyState | undefined, of = one) =>
    keyFindings([of], (id) => (id.includes('.example') ? state : undefined), now);

  it('is nothing while they come as they should', () => {
    expect(said(undefined)).to.deep.equal([]);
    expect(said({ fetchedAt: undefined, failure: undefined })).to.deep.equal([]);
    expect(said({ fetchedAt: 0, failure: undefined })).to.deep.equal([]);
    expect(said({ fetchedAt: now - 20 * 60_000 + 1, failure: down })).to.deep.equal([]);
  });

  it('is what holds without them, and why there are none', () => {
    const about = { severity: 'warning', code: 'keys-missing', origin: one.meta.origin } as const;
    expect(said({ fetchedAt: undefined, failure: down })).to.deep.equal([
      {
        ...about,
        object: 'RequestAuthentication/foo/jwt',
        field: 'spec.jwtRules[1].jwksUri',
        message: `keys of me are not fetched yet, and tokens are refused: ${down.reason}`,
        hint: "it is tried again; until then write the keys into jwks, if that can't wait",
      },
    ]);
    const [closed] = said({ fetchedAt: undefined, failure: { kind: 'address', reason: 'no' } }, found);
    expect([closed?.field, closed?.hint]).to.deep.equal([
      'spec.jwtRules[0].issuer',
      'if the control plane may go there, start it with --jwks-allow',
    ]);
  });

  it('is how old the last good ones are, in round numbers', () => {
    const ages = [20, 29, 59, 60, 119, 24 * 60 - 1, 24 * 60, 3 * 24 * 60].map((minutes) => {
      const [finding] = said({ fetchedAt: now - minutes * 60_000, failure: down });
      expect(finding?.code).to.equal('keys-stale');
      return finding?.message.replace(`: ${down.reason}`, '').replace('keys of me are ', '');
    });
    expect(ages).to.deep.equal(
      ['20 minutes', '20 minutes', '50 minutes', '1 hour', '1 hour', '23 hours', '1 day', '3 days'].map(
        (age) => `${age} old`,
      ),
    );
  });
});
