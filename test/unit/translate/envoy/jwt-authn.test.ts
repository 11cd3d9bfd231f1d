import { expect } from 'chai';
import { jwtAuthentication } from '../../../../src/translate/envoy/jwt-authn.ts';
import type { JwtProvider } from '../../../../src/translate/policy/jwt.ts';

const provider = (issuer: string, more: Partial<JwtProvider> = {}): JwtProvider => ({
  issuer,
  audiences: [],
  jwks: `keys of ${issuer}`,
  fromHeaders: [],
  fromParams: [],
  fromCookies: [],
  forwardOriginalToken: false,
  outputPayloadToHeader: '',
  outputClaimToHeaders: [],
  spaceDelimitedClaims: [],
  ...more,
});
const orMissing = (providerName: string) => ({
  requiresAny: { requirements: [{ providerName }, { allowMissing: {} }] },
});
const nowhere = { uri: 'http://no-keys.invalid/', cluster: 'BlackHoleCluster', timeout: { seconds: 1 } };

describe('jwtAuthentication', () => {
  it('is empty where nobody is trusted', () => {
    expect(jwtAuthentication([])).to.deep.equal({});
  });

  it('says everything of an issuer', () => {
    const whole = provider('a', {
      audiences: ['x', 'y'],
      fromHeaders: [{ name: 'x-token', prefix: 'JWT ' }],
      fromParams: ['token'],
      fromCookies: ['session'],
      forwardOriginalToken: true,
      outputPayloadToHeader: 'x-payload',
      outputClaimToHeaders: [{ header: 'x-user', claim: 'user.name' }],
      spaceDelimitedClaims: ['scope', 'groups'],
    });
    expect(jwtAuthentication([whole])).to.deep.equal({
      providers: {
        'origins-0': {
          issuer: 'a',
          audiences: ['x', 'y'],
          localJwks: { inlineString: 'keys of a' },
          fromHeaders: [{ name: 'x-token', valuePrefix: 'JWT ' }],
          fromParams: ['token'],
          fromCookies: ['session'],
          forward: true,
          forwardPayloadHeader: 'x-payload',
          claimToHeaders: [{ headerName: 'x-user', claimName: 'user.name' }],
          payloadInMetadata: 'payload',
          normalizePayloadInMetadata: { spaceDelimitedClaims: ['groups', 'permission', 'scope'] },
          failedStatusInMetadata: 'coxswain_jwt_failure',
        },
      },
      rules: [{ match: { prefix: '/' }, requires: orMissing('origins-0') }],
    });
  });

  it('takes any token of several issuers, or none at all', () => {
    const { rules, bypassCorsPreflight, providers } = jwtAuthentication([provider('a'), provider('b')]);
    expect(Object.keys(providers ?? {})).to.deep.equal(['origins-0', 'origins-1']);
    expect(bypassCorsPreflight).to.equal(true);
    expect(rules).to.deep.equal([
      {
        match: { prefix: '/' },
        requires: {
          requiresAny: {
            requirements: [
              { providerName: 'origins-0' },
              { providerName: 'origins-1' },
              { requiresAll: { requirements: [orMissing('origins-0'), orMissing('origins-1')] } },
            ],
          },
        },
      },
    ]);
  });

  it('makes Envoy look for the route again on routers, where a token may choose it', () => {
    const clearing = (proxy: 'sidecar' | 'router') =>
      Object.values(jwtAuthentication([provider('a')], proxy).providers ?? {}).map((each) => each.clearRouteCache);
    expect([clearing('sidecar'), clearing('router')]).to.deep.equal([[undefined], [true]]);
  });

  it('lets keys be fetched from nowhere while there are none, and makes up none', () => {
    const { providers } = jwtAuthentication([provider('a', { jwks: undefined }), provider('')]);
    expect(providers?.['origins-0']).to.deep.include({ issuer: 'a', remoteJwks: { httpUri: nowhere } });
    expect(providers?.['origins-0']).to.not.have.property('localJwks');
    expect(providers?.['origins-1'], 'any issuer').to.not.have.property('issuer');
  });

  // Regression: Envoy 1.36 removes such headers only for the providers that it gets to (test/integration/envoy).
  it('removes first what providers write that may not be reached', () => {
    const user = { outputClaimToHeaders: [{ header: 'X-User', claim: 'sub' }] };
    const cleaned = (providers: readonly JwtProvider[]) => {
      const filter = jwtAuthentication(providers);
      const names = filter.providers?.['headers']?.claimToHeaders?.map(({ headerName }) => headerName);
      const [first] = filter.rules?.[0]?.requires?.requiresAll?.requirements ?? [];
      if (names !== undefined)
        expect(first).to.deep.equal({
          requiresAny: { requirements: [{ providerName: 'headers' }, { allowMissingOrFailed: {} }] },
        });
      return [names, filter.bypassCorsPreflight === true];
    };
    expect(cleaned([provider('a'), provider('b')])).to.deep.equal([undefined, true]);
    expect(cleaned([provider('a', user), provider('b')]), 'the first is always reached').to.deep.equal([
      undefined,
      false,
    ]);
    expect(cleaned([provider('a', user), provider('b', { outputPayloadToHeader: 'x-user' })])).to.deep.equal([
      undefined,
      false,
    ]);
    expect(cleaned([provider('a'), provider('b', user)])).to.deep.equal([['x-user'], false]);
    expect(
      cleaned([provider('a', user), provider('b', { outputPayloadToHeader: 'x-b' }), provider('c', user)]),
    ).to.deep.equal([['x-b'], false]);
  });
});
