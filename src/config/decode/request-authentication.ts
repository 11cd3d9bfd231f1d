import { parseKeySet } from '../../model/jwks.ts';
import type { JwtRule, KeySource } from '../../model/request-authentication.ts';
import { type Selector, selectAll } from '../../model/selector.ts';
import type { TargetRef } from '../../model/target-ref.ts';
import { readDuration } from './duration.ts';
import type { Field, Fields } from './field.ts';
import { readHeader } from './header-name.ts';
import type { Outside } from './kind.ts';
import type { Unreadable } from './peer-authentication.ts';
import { readSelector } from './selector.ts';
import { suggest } from './suggest.ts';
import { readTargetRefs } from './target-refs.ts';
import { readTexts } from './texts.ts';
import { checkTokenHeaders } from './token-headers.ts';

/** Fields of a RequestAuthentication's spec. */
export const requestAuthenticationFields = ['selector', 'targetRef', 'targetRefs', 'jwtRules'];
const specHints = {
  matchLabels: 'put it under "selector"',
  issuer: 'put it under a rule: "jwtRules: [{ issuer: ... }]"',
  rules: 'tokens are described by jwtRules',
};
const ruleFields = [
  'issuer',
  'audiences',
  'jwks',
  'jwksUri',
  'jwks_uri',
  'fromHeaders',
  'fromParams',
  'fromCookies',
  'forwardOriginalToken',
  'outputPayloadToHeader',
  'outputClaimToHeaders',
  'timeout',
  'spaceDelimitedClaims',
  'presence',
];
const maxRules = 4096;
const maxUri = 2048;
const defaultTimeoutMs = 5_000;

/** What was written in a RequestAuthentication, part by part, so that a broken part can fail closed by itself. */
export interface RequestAuthenticationParts {
  readonly selector: Selector | Unreadable;
  readonly targets: readonly TargetRef[];
  /** Rules whose issuer can be read; what else is broken in them makes them stricter. */
  readonly rules: readonly JwtRule[];
}

/** Reads `spec` of a RequestAuthentication (behaviour.md 1.2). */
export function readRequestAuthentication(spec: Field, outside: Outside): RequestAuthenticationParts {
  spec.refuseNull('an object');
  const fields = spec.fields(requestAuthenticationFields, specHints);
  if (fields === undefined) {
    const unreadable = spec.written || outside.strays.length > 0;
    return { selector: unreadable ? 'unreadable' : selectAll, targets: [], rules: [] };
  }
  const strays = [...fields.unknown, ...outside.strays];
  return { ...readScope(fields, strays), rules: readRules(fields.get('jwtRules')) };
}

function readScope(
  fields: Fields,
  strays: readonly string[],
): Pick<RequestAuthenticationParts, 'selector' | 'targets'> {
  const selector = readSelector(fields.get('selector')) ?? 'unreadable';
  const targets = readTargetRefs(fields);
  const meant = strays.some(
    (name) => name === 'matchLabels' || suggest(name, requestAuthenticationFields) === 'selector',
  );
  const [target] = ['targetRef', 'targetRefs'].map((name) => fields.get(name)).filter((field) => field.written);
  if (target !== undefined && fields.get('selector').written) {
    target.error('one-scope-only', 'only one of selector, targetRef and targetRefs may be set');
    return { selector: 'unreadable', targets: [] };
  }
  if (targets === 'unreadable' || (meant && !fields.get('selector').written))
    return { selector: 'unreadable', targets: [] };
  return { selector, targets };
}

function readRules(field: Field): readonly JwtRule[] {
  field.refuseNull('a list');
  const items = field.items() ?? [];
  if (items.length > maxRules)
    field.error('too-many', `a policy takes at most ${maxRules} rules, not ${items.length}`, 'split the policy');
  checkTokenHeaders(items);
  return items.slice(0, maxRules).flatMap(readRule);
}

/**
 * One issuer. Without a readable issuer there is no rule, which closes as well: its tokens are then nobody's, so no policy that asks
 * for one of them is met. Anything else that is broken leaves the issuer without keys, which refuses its tokens.
 */
function readRule(item: Field): readonly JwtRule[] {
  item.refuseNull('an object');
  const fields = item.fields(ruleFields, { jwksURI: 'did you mean "jwksUri"?' });
  if (fields === undefined) return [];
  const { value, clean } = item.report.attempt(() => ({
    issuer: fields.get('issuer').string() ?? '',
    audiences: readTexts(fields.get('audiences')),
    timeoutMs: readDuration(fields.get('timeout')) ?? defaultTimeoutMs,
    fromHeaders: readHeaders(fields.get('fromHeaders')),
    fromParams: readTexts(fields.get('fromParams')),
    fromCookies: readTexts(fields.get('fromCookies')),
    forwardOriginalToken: fields.get('forwardOriginalToken').boolean() ?? false,
    outputPayloadToHeader: readHeaderName(fields.get('outputPayloadToHeader')) ?? '',
    outputClaimToHeaders: readClaimHeaders(fields.get('outputClaimToHeaders')),
    spaceDelimitedClaims: readTexts(fields.get('spaceDelimitedClaims')),
  }));
  if (fields.get('presence').written) {
    fields
      .get('presence')
      .warning(
        'no-effect',
        'presence has no effect',
        'to demand a token, add an AuthorizationPolicy with requestPrincipals: ["*"]',
      );
  }
  const source = readKeys(fields, value.issuer);
  const broken = !clean || fields.unknown.length > 0;
  if (value.issuer === '' && source.kind !== 'remote') return [];
  return [{ ...value, keys: broken ? { kind: 'none' } : source }];
}

/** Where the keys come from: `jwks` wins over `jwksUri`; without either, OpenID discovery at the issuer (behaviour.md 1.2). */
function readKeys(fields: Fields, issuer: string): KeySource {
  const inline = fields.get('jwks');
  const written = ['jwksUri', 'jwks_uri'].map((name) => fields.get(name)).filter((field) => field.written);
  const [uri] = written;
  if (written.length + (inline.written ? 1 : 0) > 1) {
    inline.error('one-key-source', 'only one of jwks, jwksUri and jwks_uri may be set', 'keep one of them');
  }
  if (inline.written) return readInline(inline);
  if (uri !== undefined) {
    const text = uri.text();
    return text !== undefined && checkUrl(uri, text) ? { kind: 'remote', uri: text } : { kind: 'none' };
  }
  const field = fields.get('issuer');
  if (issuer === '') {
    field.error(
      'missing-field',
      'issuer or jwksUri is required',
      'write the issuer as it stands in "iss" of its tokens',
    );
    return { kind: 'none' };
  }
  if (!/^https?:\/\//.test(issuer)) {
    field.error(
      'no-keys',
      `the keys of ${JSON.stringify(issuer)} can't be found: it is no URL, so it has no OpenID configuration`,
      'add jwks or jwksUri',
    );
    return { kind: 'none' };
  }
  return checkUrl(field, issuer) ? { kind: 'discovered', issuer } : { kind: 'none' };
}

function readInline(field: Field): KeySource {
  const text = field.text();
  if (text === undefined) return { kind: 'none' };
  const parsed = parseKeySet(text);
  if (!parsed.ok) {
    field.error('bad-jwks', `the key set ${parsed.error}`, 'write a JSON Web Key Set: {"keys": [...]}');
    return { kind: 'none' };
  }
  for (const what of parsed.value.leftOut) {
    field.warning('key-left-out', `not used: ${what}`, 'publish public keys only');
  }
  return { kind: 'inline', jwks: parsed.value.jwks };
}

function checkUrl(field: Field, text: string): boolean {
  const bad = (why: string): boolean => {
    field.error('bad-url', `${JSON.stringify(text)} ${why}`, 'write an https:// address');
    return false;
  };
  if (text.length > maxUri) return bad(`is longer than ${maxUri} characters`);
  if (!URL.canParse(text)) return bad('is no URL');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return bad('is no http or https address');
  if (url.username !== '' || url.password !== '') {
    field.error('bad-url', 'the address holds a password', 'keys are public: write an address that needs none');
    return false;
  }
  if (url.protocol === 'http:')
    field.warning('plaintext-keys', 'keys that come over plaintext can be exchanged on their way', 'use https');
  return true;
}

/** What frames or routes a request: with these removed or taken from a claim, none would arrive, or another one. */
const framing = ['connection', 'content-length', 'host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

/** A header that is written; a client's own is removed first. */
function readHeaderName(field: Field): string | undefined {
  const text = field.text();
  if (text === undefined) return undefined;
  if (framing.includes(text.toLowerCase()))
    return field.error('bad-header', `${JSON.stringify(text)} is not for tokens`, 'use a header of your own');
  if (/^[-_A-Za-z0-9]+$/.test(text)) return text;
  return field.error('bad-header', `${JSON.stringify(text)} is no header name`, 'use letters, digits, "-" and "_"');
}

/** As Envoy refuses a filter for a line break in it, too. */
function readPrefix(field: Field): string | undefined {
  const text = field.string();
  if (text === undefined || !/\p{Cc}/u.test(text)) return text;
  return field.error(
    'bad-header',
    `no header begins with ${JSON.stringify(text)}`,
    'write what stands before the token',
  );
}

function readHeaders(field: Field): JwtRule['fromHeaders'] {
  field.refuseNull('a list');
  return (field.items() ?? []).flatMap((item) => {
    item.refuseNull('an object');
    const fields = item.fields(['name', 'prefix']);
    const name = fields && readHeader(fields.get('name'));
    if (fields !== undefined && !fields.get('name').written)
      item.error('missing-field', 'name is required', 'add the name of a header');
    return fields === undefined || name === undefined ? [] : [{ name, prefix: readPrefix(fields.get('prefix')) ?? '' }];
  });
}

function readClaimHeaders(field: Field): JwtRule['outputClaimToHeaders'] {
  field.refuseNull('a list');
  return (field.items() ?? []).flatMap((item) => {
    item.refuseNull('an object');
    const fields = item.fields(['header', 'claim']);
    if (fields === undefined) return [];
    for (const name of ['header', 'claim'])
      if (!fields.get(name).written) item.error('missing-field', `${name} is required`, `add ${name}`);
    const header = readHeaderName(fields.get('header'));
    const claim = fields.get('claim').text();
    if (claim !== undefined && /[/:].*\.|\..*[/:]/.test(claim)) {
      fields
        .get('claim')
        .warning(
          'claim-path',
          `${JSON.stringify(claim)} is never found: a dot leads into a claim, so one with dots in its own name can't be named here`,
          'use outputPayloadToHeader, or have the issuer rename it',
        );
    }
    return header === undefined || claim === undefined ? [] : [{ header, claim }];
  });
}
