import fc from 'fast-check';
import type { AuthorizationPolicy } from '../../src/model/authorization-policy.ts';
import type { PathNormalization } from '../../src/model/mesh.ts';
import type { TrustDomains } from '../../src/translate/policy/authorization-trust-domain.ts';
import type { JwtProvider } from '../../src/translate/policy/jwt.ts';
import type { TestToken } from './explain-tokens.ts';
import { headerValues, policiesOf, requestOf, singleConditionOf, someMesh } from './rbac-arbitrary.ts';
import { payloads } from './rbac-tokens.ts';
import type { Vocabulary } from './rbac-words.ts';

/** Policies that hold together, CUSTOM ones of one provider beside them. */
export interface ExplainCase {
  readonly policies: readonly AuthorizationPolicy[];
  readonly custom: readonly AuthorizationPolicy[];
  readonly mesh: TrustDomains;
}

export function caseOf(words: Vocabulary): fc.Arbitrary<ExplainCase> {
  return fc.record({
    policies: fc.oneof({ weight: 3, arbitrary: policiesOf(words) }, { weight: 2, arbitrary: singleConditionOf(words) }),
    custom: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: policiesOf(words).map((policies) =>
          policies.map((policy): AuthorizationPolicy => ({ ...policy, action: 'CUSTOM', provider: 'asker' })),
        ),
      },
    ),
    mesh: someMesh,
  });
}

/** One request as it is sent, and on what connection. */
export interface ExplainRequest {
  readonly principal: string;
  readonly clientAddress: string;
  readonly sni: string;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Pieces of which paths are made that normalization, or its absence, decides about. */
const pieces = [
  ...['/', '//', '/.', '/..', '/./', '/../', '.', '..', 'admin', 'a', 'x', 'Admin', '\\', '/a\\..', '..;', ';x', '*'],
  ...[
    '%2e',
    '%2E',
    '%2f',
    '%2F',
    '%5c',
    '%25',
    '%252e',
    '%00',
    '%41',
    '%61dmin',
    '%7e',
    '%',
    '%%30',
    '%3',
    '%zz',
    '%%300',
  ],
  ...[
    '[',
    ']',
    '|',
    '{',
    '}',
    '^',
    '`',
    '"',
    '<',
    '>',
    "'",
    '!',
    '$',
    '&',
    '(',
    ')',
    '+',
    ',',
    ':',
    '=',
    '@',
    '~',
    '%20',
  ],
  ...['?', '?x=/admin', '%3f', '%23', '/admin/', '/%2e%2e/admin', '/x/..%2fadmin'],
];

/** Paths to stumble over. */
export const oddPath = fc
  .array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(''))
  .map((path) => (path.startsWith('/') ? path : `/${path}`));

type Placed = readonly (readonly [name: string, value: string])[];

/** Where the token goes; a query parameter is marked by a name of its own. */
function placed(tokens: readonly TestToken[]): fc.Arbitrary<Placed> {
  const one = fc
    .record({
      text: fc.oneof(
        { weight: 2, arbitrary: fc.constantFrom(...tokens.slice(0, payloads.length * 2)) },
        { weight: 1, arbitrary: fc.constantFrom(...tokens) },
      ),
      place: fc.constantFrom('bearer', 'bearer', 'x-jwt', 'lower', 'param', 'jwt', 'cookie', 'basic'),
    })
    .map(({ text: { text }, place }): readonly [string, string] => {
      switch (place) {
        case 'bearer':
          return ['authorization', `Bearer ${text}`];
        case 'lower':
          return ['authorization', `bearer ${text}`];
        case 'basic':
          return ['authorization', `Basic ${text}`];
        case 'x-jwt':
          return ['x-jwt', `Token ${text}`];
        case 'cookie':
          return ['cookie', `other=1; session=${text}`];
        default:
          return [`?${place === 'param' ? 'access_token' : 'jwt'}`, text];
      }
    });
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant([]) },
    { weight: 6, arbitrary: one.map((each) => [each]) },
    { weight: 1, arbitrary: fc.tuple(one, one) },
  );
}

export function explainRequestOf(words: Vocabulary, tokens: readonly TestToken[]): fc.Arbitrary<ExplainRequest> {
  return fc
    .record({
      base: requestOf(words, 'http'),
      path: fc.option(oddPath, { nil: undefined }),
      dot: fc.constantFrom('', '', '', '.'),
      teams: fc.array(fc.constantFrom(...headerValues), { maxLength: 2 }),
      forwarded: fc.constantFrom(
        '',
        '',
        '',
        '127.0.0.2',
        '10.1.2.3',
        '127.0.0.1, 10.1.2.3',
        '10.1.2.3, nonsense',
        '::1',
      ),
      tokens: placed(tokens),
    })
    .map(({ base, path, dot, teams, forwarded, tokens: given }) => {
      const params = given.filter(([name]) => name.startsWith('?')).map(([name, value]) => `${name.slice(1)}=${value}`);
      const raw = path ?? base.path;
      const query = params.length === 0 ? '' : `${raw.includes('?') ? '&' : '?'}${params.join('&')}`;
      const headers = given.filter(([name]) => !name.startsWith('?'));
      return {
        principal: base.principal,
        clientAddress: base.clientAddress,
        sni: base.principal === '' ? '' : base.sni,
        method: base.method,
        path: `${raw}${query}`,
        host: base.host.includes(':') ? base.host : `${base.host}${dot}`,
        headers: [
          ...teams.map((team) => ['x-team', team] as const),
          ...(forwarded === '' ? [] : [['x-forwarded-for', forwarded] as const]),
          ...headers,
        ],
      };
    });
}

/** How one port of the test's Envoy treats paths and tokens. */
export interface Variant {
  readonly mode: PathNormalization;
  readonly jwt: readonly JwtProvider[];
}

const usual: Omit<JwtProvider, 'issuer' | 'jwks'> = {
  audiences: [],
  fromHeaders: [],
  fromParams: [],
  fromCookies: [],
  forwardOriginalToken: false,
  outputPayloadToHeader: '',
  outputClaimToHeaders: [],
  spaceDelimitedClaims: [],
};

export function variantsOf(jwks: string): readonly Variant[] {
  const issuers = [...new Set(payloads.map(({ iss }) => iss))];
  const [first = '', second = '', third = ''] = issuers;
  const providers = issuers.map((issuer) => ({ ...usual, issuer, jwks }));
  const elsewhere: JwtProvider = {
    ...usual,
    issuer: first,
    jwks,
    fromHeaders: [{ name: 'x-jwt', prefix: 'Token ' }],
    fromParams: ['jwt'],
    fromCookies: ['session'],
    forwardOriginalToken: true,
    outputPayloadToHeader: 'x-payload',
    outputClaimToHeaders: [{ header: 'x-team', claim: 'team' }],
    spaceDelimitedClaims: ['team'],
  };
  return [
    { mode: 'BASE', jwt: providers },
    { mode: 'NONE', jwt: [elsewhere] },
    { mode: 'MERGE_SLASHES', jwt: [{ ...usual, issuer: first, jwks, audiences: ['api'] }] },
    {
      mode: 'DECODE_AND_MERGE_SLASHES',
      jwt: [
        { ...usual, issuer: first, jwks, audiences: ['https://api', 'web'] },
        { ...usual, issuer: second, jwks: undefined },
        { ...elsewhere, issuer: third },
      ],
    },
    { mode: 'BASE', jwt: [{ ...usual, issuer: '', jwks }] },
    {
      mode: 'BASE',
      jwt: [
        { ...usual, issuer: first, jwks, audiences: ['api'] },
        { ...elsewhere, issuer: first, audiences: ['web'], outputPayloadToHeader: '' },
        { ...usual, issuer: second, jwks, outputClaimToHeaders: [{ header: 'x-team', claim: 'realm.name' }] },
      ],
    },
    // Headers that are read and written, and a claim with a dot in its own name.
    {
      mode: 'BASE',
      jwt: [
        { ...usual, issuer: first, jwks, fromParams: ['access_token'], outputPayloadToHeader: 'authorization' },
        { ...usual, issuer: second, jwks },
        {
          ...elsewhere,
          issuer: third,
          outputPayloadToHeader: '',
          outputClaimToHeaders: [
            { header: 'x-jwt', claim: 'sub' },
            { header: 'x-team', claim: 'a.b' },
          ],
        },
      ],
    },
    { mode: 'BASE', jwt: [] },
  ];
}
