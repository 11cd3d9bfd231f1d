import type { envoy } from '@envoyproxy/protos';
import { isRecord } from '../lib/is-record.ts';
import type { EnvoyBehaviour } from './envoy-version.ts';
import type { Headers } from './headers.ts';
import { type Found, findTokens, removeToken } from './jwt-locations.ts';
import { keySetName } from './key-set-name.ts';
import type { Token } from './token.ts';

type JwtAuthentication = envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication;
type Requirement = envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement;
type Provider = envoy.extensions.filters.http.jwt_authn.v3.JwtProvider;

/** Why a token isn't taken. `missed` and `unknown-issuer` are of less weight: another provider may take it. */
export type JwtFailure =
  | 'missed'
  | 'unknown-issuer'
  | 'bad-format'
  | 'not-yet-valid'
  | 'expired'
  | 'wrong-audience'
  | 'wrong-key'
  | 'no-keys';
type Status = 'ok' | JwtFailure;

/** What the filter comes to. */
export interface JwtResult {
  readonly status: Status;
  /** Issuer of the provider that was asked last about a refused token, or of the one that took it. */
  readonly issuer: string;
  /** The filter's metadata: payloads by their keys. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What tokens are verified with. */
export interface JwtInput {
  readonly headers: Headers;
  /** By handle, or by their text. */
  readonly tokens: ReadonlyMap<string, Token>;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly behaviour: EnvoyBehaviour;
  /** Keys that somebody else fetches are taken to be there, for tokens that are taken to be good. */
  readonly keysAssumed?: boolean;
}

interface Walk extends JwtInput {
  readonly providers: Readonly<Record<string, Provider>>;
  readonly metadata: Record<string, unknown>;
  issuer: string;
}

/**
 * Runs Envoy's JWT filter: each requirement in its order, with its ways to weigh failures. Changes the headers as the filter
 * does: a token that isn't forwarded goes, claims may come.
 */
export function runJwt(filter: JwtAuthentication, input: JwtInput): JwtResult {
  const walk: Walk = { ...input, providers: filter.providers ?? {}, metadata: {}, issuer: '' };
  if (input.behaviour.jwtHeadersAtOnce)
    for (const each of Object.values(walk.providers)) removeOwn(each, input.headers);
  const requirement = isPreflight(filter, input.headers) ? undefined : requirementOf(filter, input.headers);
  const status = requirement === undefined ? 'ok' : meet(requirement, walk);
  return { status, issuer: walk.issuer, metadata: walk.metadata };
}

/** The status that a refused token gets. */
export function jwtStatusCode(failure: JwtFailure): 401 | 403 {
  return failure === 'wrong-audience' ? 403 : 401;
}

function isPreflight({ bypassCorsPreflight }: JwtAuthentication, headers: Headers): boolean {
  return (
    bypassCorsPreflight === true &&
    headers.first(':method') === 'OPTIONS' &&
    (headers.first('origin') ?? '') !== '' &&
    (headers.first('access-control-request-method') ?? '') !== ''
  );
}

function requirementOf({ rules = [] }: JwtAuthentication, headers: Headers): Requirement | undefined {
  const path = headers.first(':path') ?? '';
  for (const { match, requires } of rules) {
    if (match?.prefix === undefined) throw new Error(`unknown match of a token rule: ${JSON.stringify(match)}`);
    if (path.startsWith(match.prefix)) return requires;
  }
  return undefined;
}

function meet(requirement: Requirement, walk: Walk): Status {
  if (requirement.providerName !== undefined) return provide(walk.providers[requirement.providerName] ?? {}, walk);
  if (requirement.requiresAll !== undefined) return meetAll(requirement.requiresAll.requirements ?? [], walk);
  if (requirement.requiresAny !== undefined) return meetAny(requirement.requiresAny.requirements ?? [], walk);
  throw new Error(`unknown token requirement: ${JSON.stringify(requirement)}`);
}

function meetAll(requirements: readonly Requirement[], walk: Walk): Status {
  for (const each of requirements) {
    const status = meet(each, walk);
    if (status !== 'ok') return status;
  }
  return 'ok';
}

/** The failure of one that was asked about its own token weighs more than that of one which had nothing to do with it. */
function meetAny(alternatives: readonly Requirement[], walk: Walk): Status {
  const missing = alternatives.some(({ allowMissing }) => allowMissing !== undefined);
  const failed = alternatives.some(({ allowMissingOrFailed }) => allowMissingOrFailed !== undefined);
  let final: Status = 'missed';
  for (const each of alternatives) {
    if (each.allowMissing !== undefined || each.allowMissingOrFailed !== undefined) continue;
    const status = meet(each, walk);
    if (status === 'ok') return 'ok';
    if ((status !== 'missed' && status !== 'unknown-issuer') || final === 'missed') final = status;
  }
  return failed || (missing && final === 'missed') ? 'ok' : final;
}

/** All tokens where the provider looks have to be good, the last found first. */
function provide(provider: Provider, walk: Walk): Status {
  removeOwn(provider, walk.headers);
  const found = findTokens(provider, walk.headers).toReversed();
  if (found.length === 0) return 'missed';
  for (const each of found) {
    const status = verify(provider, each, walk);
    if (status !== 'ok') return status;
  }
  return 'ok';
}

/** Headers that a provider sets are not for clients to send. */
function removeOwn({ claimToHeaders = [], forwardPayloadHeader = '' }: Provider, headers: Headers): void {
  for (const { headerName = '' } of claimToHeaders) headers.remove(headerName);
  if (forwardPayloadHeader !== '') headers.remove(forwardPayloadHeader);
}

const clockSkew = 60;

function verify(provider: Provider, found: Found, walk: Walk): Status {
  const token = walk.tokens.get(found.text);
  if (token === undefined) return 'bad-format';
  const { claims } = token;
  const issuer = typeof claims['iss'] === 'string' ? claims['iss'] : '';
  if ((provider.issuer ?? '') !== '' && provider.issuer !== issuer) return 'unknown-issuer';
  walk.issuer = issuer;
  const skew = provider.clockSkewSeconds || clockSkew;
  const [notBefore, expires] = [numberOf(claims['nbf']), numberOf(claims['exp'])];
  if (notBefore > walk.now + skew) return 'not-yet-valid';
  if (expires > 0 && walk.now > expires + skew) return 'expired';
  if (!audienceFits(provider.audiences ?? [], claims['aud'])) return 'wrong-audience';
  const keys = provider.localJwks?.inlineString;
  if (keys === undefined && !(token.signedBy === 'assumed' && walk.keysAssumed === true)) return 'no-keys';
  if (keys !== undefined && token.signedBy !== 'assumed' && !token.signedBy.includes(keySetName(keys)))
    return 'wrong-key';
  take(provider, token, walk);
  if (provider.forward !== true) removeToken(found, walk.headers);
  return 'ok';
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** Audiences may be named with or without scheme and last slash. */
function audienceFits(wanted: readonly string[], audience: unknown): boolean {
  if (wanted.length === 0) return true;
  const plain = (text: string): string => text.replace(/^https?:\/\//, '').replace(/\/$/, '');
  const have = (Array.isArray(audience) ? audience : [audience]).filter((each) => typeof each === 'string');
  return wanted.some((each) => have.some((other) => plain(each) === plain(other)));
}

function take(provider: Provider, { claims, payload }: Token, walk: Walk): void {
  const { headers, metadata } = walk;
  const { forwardPayloadHeader = '', claimToHeaders = [], payloadInMetadata = '' } = provider;
  if (forwardPayloadHeader !== '') headers.add(forwardPayloadHeader, payload);
  for (const { headerName = '', claimName = '' } of claimToHeaders) {
    const text = claimText(claimAt(claims, claimName));
    if (text !== '') headers.add(headerName, text);
  }
  if (payloadInMetadata === '') return;
  const split = provider.normalizePayloadInMetadata?.spaceDelimitedClaims ?? [];
  metadata[payloadInMetadata] = Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [
      name,
      split.includes(name) && typeof value === 'string' ? words(value) : value,
    ]),
  );
}

/** A text without any word stays what it was. */
function words(text: string): string | readonly string[] {
  const split = text.split(' ').filter((word) => word !== '');
  return split.length === 0 ? text : split;
}

function claimAt(claims: Token['claims'], name: string): unknown {
  let value: unknown = claims;
  for (const key of name.split('.')) value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

function claimText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? String(value) : value.toFixed(6);
  return value === undefined || value === null ? '' : Buffer.from(JSON.stringify(value)).toString('base64');
}
