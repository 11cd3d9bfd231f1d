import type { ClaimMatch, NamedMatch, RequestMatch, ValueMatch } from '../../model/http-match.ts';
import type { HttpMatch } from '../../model/virtual-service.ts';
import type { Field, Fields } from './field.ts';
import { readHeaderName } from './header-name.ts';
import { audienceFields, readAudience } from './route-audience.ts';
import { readValueMatch } from './value-match.ts';

const requestFields = ['uri', 'scheme', 'method', 'authority', 'headers', 'withoutHeaders', 'queryParams'];
const matchFields = ['name', 'ignoreUriCase', 'statPrefix', ...requestFields, ...audienceFields];
/** Those whose readers take a written null for an absent value. */
const plainFields = matchFields.filter((name) => !['uri', 'scheme', 'method', 'authority', 'gateways'].includes(name));
/** What a part of a request's head is called, if not by a header. */
const partsOfHead = ['uri', 'scheme', 'method', 'authority'];
const claimsPrefix = '@request.auth.claims';

/** Reads the entries of `match`; empty where all requests are meant. */
export function readHttpMatches(field: Field, namespace: string): readonly HttpMatch[] {
  field.refuseNull('a list');
  return (field.items() ?? []).flatMap((item) => readHttpMatch(item, namespace) ?? []);
}

function readHttpMatch(item: Field, namespace: string): HttpMatch | undefined {
  item.refuseNull('a match');
  const fields = item.fields(matchFields, {
    path: 'did you mean "uri"?',
    host: 'did you mean "authority"?',
    prefix: 'put it under "uri"',
    exact: 'put it under "uri"',
    regex: 'put it under "uri"',
  });
  if (fields === undefined) return undefined;
  for (const name of plainFields) fields.get(name).refuseNull('a value');
  if (
    fields.unknown.length === 0 &&
    !matchFields.some((name) => name !== 'name' && name !== 'statPrefix' && fields.get(name).present)
  )
    item.error('empty-match', 'matches nothing in particular', 'remove the whole list to match every request');
  return {
    name: fields.get('name').string() ?? '',
    statPrefix: fields.get('statPrefix').string() ?? '',
    ...readAudience(fields, namespace),
    request: readRequest(fields),
  };
}

function readRequest(fields: Fields): RequestMatch {
  const uri = readValueMatch(fields.get('uri'));
  const ignoreUriCase = fields.get('ignoreUriCase').boolean() ?? false;
  if (uri !== undefined) checkUri(fields, uri, ignoreUriCase);
  const method = readValueMatch(fields.get('method'));
  if (method?.kind === 'exact' && method.value !== method.value.toUpperCase())
    fields
      .get('method')
      .warning('method-case', `${JSON.stringify(method.value)} never matches: methods are compared with case`);
  const headers = readHeaders(fields.get('headers'));
  const withoutHeaders = readHeaders(fields.get('withoutHeaders'));
  return {
    uri: uri?.kind === 'present' ? undefined : uri,
    ignoreUriCase: uri !== undefined && uri.kind !== 'regex' && ignoreUriCase,
    scheme: readPart(fields.get('scheme')),
    method: method?.kind === 'present' ? undefined : method,
    authority: readPart(fields.get('authority')),
    headers: headers.named,
    withoutHeaders: withoutHeaders.named,
    claims: headers.claims,
    withoutClaims: withoutHeaders.claims,
    queryParams: readQuery(fields.get('queryParams')),
  };
}

/** Every request has it, so there's no need to ask for its presence. */
function readPart(field: Field): ValueMatch | undefined {
  const match = readValueMatch(field);
  return match?.kind === 'present' ? undefined : match;
}

/** A path is compared without its query, and begins with a slash. */
function checkUri(fields: Fields, uri: ValueMatch, ignoreCase: boolean): void {
  const field = fields.get('uri');
  if (uri.kind === 'regex') {
    if (ignoreCase)
      fields
        .get('ignoreUriCase')
        .warning('no-effect', 'has no effect on an expression', 'begin the expression with "(?i)"');
  } else if (uri.kind !== 'present' && /[?#]/.test(uri.value)) {
    field.warning(
      'path-query',
      `${JSON.stringify(uri.value)} never matches: a path is compared without its query`,
      'write the path alone, and use queryParams',
    );
  } else if (uri.kind !== 'present' && !uri.value.startsWith('/') && uri.value !== '*') {
    field.warning(
      'path-slash',
      `${JSON.stringify(uri.value)} never matches: a path starts with "/"`,
      `write ${JSON.stringify(`/${uri.value}`)}`,
    );
  }
}

interface HeaderMatches {
  readonly named: readonly NamedMatch[];
  readonly claims: readonly ClaimMatch[];
}

/** Headers, and claims that are written as headers (behaviour.md 5.7). */
function readHeaders(field: Field): HeaderMatches {
  const named = new Map<string, NamedMatch>();
  const claims: ClaimMatch[] = [];
  for (const [key, entry] of field.entries() ?? []) {
    const match = readValueMatch(entry);
    if (key.startsWith(claimsPrefix)) {
      const claim = readClaim(entry, key);
      if (claim !== undefined && match !== undefined) claims.push({ claim, match });
    } else if (partsOfHead.includes(key.toLowerCase())) {
      entry.warning(
        'no-effect',
        `a header can't be called ${JSON.stringify(key)} here: this is left out`,
        `use the field ${key.toLowerCase()} of the match`,
      );
    } else {
      const name = readHeaderName(entry, key);
      if (name === undefined || match === undefined) continue;
      if (named.has(name)) entry.error('duplicate', `header ${JSON.stringify(name)} is there twice`, 'remove one');
      named.set(name, { name, match });
    }
  }
  return { named: [...named.values()], claims };
}

/** `.a.b` and `[a][b]` both name claim `b` in claim `a`. */
function readClaim(field: Field, key: string): readonly string[] | undefined {
  const path = key.slice(claimsPrefix.length);
  if (/^(\.[^.[\]]+)+$/.test(path)) return path.slice(1).split('.');
  if (/^(\[[^[\]]+\])+$/.test(path)) return path.slice(1, -1).split('][');
  return field.error(
    'bad-claim',
    `${JSON.stringify(key)} names no claim`,
    `write ${claimsPrefix}.group or ${claimsPrefix}[group]`,
  );
}

function readQuery(field: Field): readonly NamedMatch[] {
  return (field.entries() ?? []).flatMap(([name, entry]) => {
    const match = readValueMatch(entry);
    if (name === '' || Buffer.byteLength(name) > 1_024)
      entry.error('bad-query', 'a query parameter has a name, of at most 1024 bytes', 'correct the name');
    return match === undefined ? [] : [{ name, match }];
  });
}
