import { scopeFields } from './common.ts';
import { conditionColumns, type Kind } from './definition.ts';
import { atMostOne, choice, duration, flag, list, object, rules, type Schema, text } from './schema.ts';

const word: Schema = { type: 'string', minLength: 1 };
const keysUri = text('Where the public keys are fetched: an http or https URL.', {
  pattern: '^[hH][tT][tT][pP][sS]?://.+',
});

const jwtRule = object(
  'One issuer of tokens.',
  {
    issuer: text('Issuer that the token must name.', { minLength: 1 }),
    audiences: list('Audiences; the token must name one of them.', word),
    jwksUri: keysUri,
    jwks_uri: { ...keysUri, description: 'Another spelling of jwksUri.' },
    jwks: text('The public keys themselves, as a JSON Web Key Set.'),
    fromHeaders: list(
      'Headers that hold the token.',
      object(
        'One header.',
        {
          name: text('Name of the header.', { minLength: 1 }),
          prefix: text('What stands before the token, such as "Bearer ".'),
        },
        { required: ['name'] },
      ),
    ),
    fromParams: list('Query parameters that hold the token.', word),
    fromCookies: list('Cookies that hold the token.', word),
    outputPayloadToHeader: text('Header that carries the payload of a valid token to the workload.'),
    outputClaimToHeaders: list(
      'Headers that carry single claims of a valid token to the workload.',
      object(
        'One claim.',
        {
          header: text('Name of the header.', { minLength: 1, pattern: '^[-_A-Za-z0-9]+$' }),
          claim: text('Name of the claim.', { minLength: 1 }),
        },
        { required: ['header', 'claim'] },
      ),
    ),
    forwardOriginalToken: flag('The workload gets the token, too.'),
    timeout: duration('How long fetching the keys may take.'),
    spaceDelimitedClaims: list('Claims whose value is split at spaces.', word, { maxItems: 64 }),
    presence: choice('Whether a request must bring a token of this issuer.', ['OPTIONAL', 'REQUIRED']),
  },
  rules(atMostOne('jwksUri', 'jwks_uri', 'jwks')),
);

/** RequestAuthentication (behaviour.md 1.2). */
export const requestAuthentication: Kind = {
  group: 'security.istio.io',
  kind: 'RequestAuthentication',
  plural: 'requestauthentications',
  shortName: 'ra',
  description: 'Says which tokens (JWT) of end users workloads believe.',
  columns: conditionColumns,
  spec: object(
    'Issuers of tokens, and the workloads that believe them.',
    { ...scopeFields, jwtRules: list('Issuers of tokens.', jwtRule, { maxItems: 4096 }) },
    rules(atMostOne('selector', 'targetRef', 'targetRefs')),
  ),
};
