import type { envoy } from '@envoyproxy/protos';
import type { Headers } from './headers.ts';

type Provider = envoy.extensions.filters.http.jwt_authn.v3.JwtProvider;

/** Text that was found where a provider looks for tokens. */
export interface Found {
  readonly text: string;
  /** What goes when the token isn't forwarded. A cookie stays. */
  readonly from: { readonly kind: 'header' | 'param' | 'cookie'; readonly name: string };
}

/** Where a provider looks: as it says, or else in the usual header and parameter (RFC 6750 sections 2.1 and 2.3). */
function placesOf({ fromHeaders = [], fromParams = [], fromCookies = [] }: Provider) {
  if (fromHeaders.length + fromParams.length + fromCookies.length > 0) return { fromHeaders, fromParams, fromCookies };
  return {
    fromHeaders: [{ name: 'authorization', valuePrefix: 'Bearer ' }],
    fromParams: ['access_token'],
    fromCookies: [],
  };
}

/** Tokens in the order in which Envoy collects them: headers by name and prefix, then parameters, then cookies. */
export function findTokens(provider: Provider, headers: Headers): readonly Found[] {
  const { fromHeaders, fromParams, fromCookies } = placesOf(provider);
  const byKey = new Map(
    fromHeaders.map(({ name = '', valuePrefix = '' }) => [
      `${name.toLowerCase()}${valuePrefix}`,
      { name, valuePrefix },
    ]),
  );
  const inHeaders = sorted(byKey).flatMap(({ name, valuePrefix }) =>
    headers.all(name).flatMap((value): readonly Found[] => {
      const at = value.indexOf(valuePrefix);
      if (at < 0) return [];
      const text = valuePrefix === '' ? value : fromFirstTokenCharacter(value, at + valuePrefix.length);
      return [{ text, from: { kind: 'header', name } }];
    }),
  );
  const query = parameters(headers.first(':path') ?? '');
  const cookies = cookiesOf(headers);
  const named = (
    kind: 'param' | 'cookie',
    names: readonly string[],
    values: ReadonlyMap<string, string>,
  ): readonly Found[] =>
    [...new Set(names)].sort().flatMap((name) => {
      const text = values.get(name);
      return text === undefined ? [] : [{ text, from: { kind, name } }];
    });
  return [...inHeaders, ...named('param', fromParams, query), ...named('cookie', fromCookies, cookies)];
}

/** Takes a token away from where it was found, so that nobody behind sees it, the next provider neither. */
export function removeToken({ from: { kind, name } }: Found, headers: Headers): void {
  if (kind === 'header') headers.remove(name);
  if (kind !== 'param') return;
  const path = headers.first(':path') ?? '';
  const [head, query = ''] = [path.split('?', 1)[0] ?? '', path.slice(path.indexOf('?') + 1)];
  const rest = query.split('&').filter((part) => decoded(part.split('=', 1)[0] ?? '') !== name);
  headers.set(':path', rest.length === 0 ? head : `${head}?${rest.join('&')}`);
}

/** Puts a token where the provider looks first. */
export function placeToken(provider: Provider, text: string, headers: Headers): void {
  const { fromHeaders, fromParams, fromCookies } = placesOf(provider);
  const [header] = fromHeaders;
  const [param] = fromParams;
  const [cookie] = fromCookies;
  if (header !== undefined) headers.set(header.name ?? '', `${header.valuePrefix ?? ''}${text}`);
  else if (param !== undefined) {
    const path = headers.first(':path') ?? '/';
    headers.set(':path', `${path}${path.includes('?') ? '&' : '?'}${encodeURIComponent(param)}=${text}`);
  } else if (cookie !== undefined) headers.add('cookie', `${cookie}=${text}`);
}

function sorted<T>(byKey: ReadonlyMap<string, T>): readonly T[] {
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

/** Envoy skips what can't begin a token; where nothing can, it takes the whole value. */
function fromFirstTokenCharacter(value: string, after: number): string {
  const start = value.slice(after).search(/[A-Za-z0-9\-_.]/);
  return start < 0 ? value : value.slice(after + start);
}

function parameters(path: string): ReadonlyMap<string, string> {
  const start = path.indexOf('?');
  const values = new Map<string, string>();
  if (start < 0) return values;
  for (const part of path.slice(start + 1).split('&')) {
    const [name = '', ...rest] = part.split('=');
    const key = decoded(name);
    if (!values.has(key)) values.set(key, decoded(rest.join('=')));
  }
  return values;
}

/** Percent escapes alone: a plus sign is a plus sign here. */
function decoded(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

function cookiesOf(headers: Headers): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const part of headers.all('cookie').flatMap((line) => line.split(';'))) {
    const at = part.indexOf('=');
    if (at < 0) continue;
    const name = part.slice(0, at).trim();
    const value = part.slice(at + 1).trim();
    if (!values.has(name)) values.set(name, /^".*"$/.test(value) ? value.slice(1, -1) : value);
  }
  return values;
}
