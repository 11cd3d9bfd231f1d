import { decode, type envoy, typeOf } from '@envoyproxy/protos';
import { MeshError } from '../lib/errors.ts';
import type { Sent } from './compiled.ts';
import type { EnvoyBehaviour } from './envoy-version.ts';
import { Headers } from './headers.ts';
import type { HttpRequest } from './http-request.ts';
import { placeToken } from './jwt-locations.ts';
import { normalizedPath } from './path.ts';
import type { Question } from './question.ts';
import type { Destination } from './server.ts';
import type { Speech } from './speech.ts';
import type { Token } from './token.ts';

/** What is asked, of whom. */
export interface Asked {
  readonly question: Question;
  readonly destination: Destination;
  readonly behaviour: EnvoyBehaviour;
}

type Jwt = envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication;
type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;

/** The filter of a connection manager that looks at tokens. */
export function tokenFilter(sent: Sent, { httpFilters = [] }: Manager): Jwt | undefined {
  for (const { name = '' } of httpFilters) {
    const config = sent.find('extension', name)?.typedConfig;
    const type = typeOf(config?.type_url ?? '');
    if (type === 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication')
      return decode(type, config?.value ?? new Uint8Array());
  }
  return undefined;
}

const stated = 'stated-token';

/** The request as it leaves the client's sidecar, with the stated token where the server looks for one. */
export function requestOf(
  { question, destination, behaviour }: Asked,
  { manager }: Speech,
  jwt: Jwt | undefined,
): { readonly request: HttpRequest; readonly tokens: ReadonlyMap<string, Token> } {
  const { method, headers, claims } = question;
  const path =
    manager === undefined ? question.path : (normalizedPath(manager, question.path, behaviour) ?? question.path);
  const host = question.host !== '' ? question.host : `${destination.host}:${destination.port}`;
  const tokens = new Map(question.tokens.map((token) => [token.handle, token]));
  if (claims === undefined) return { request: { method, path, host, headers }, tokens };
  const token = statedToken(claims, jwt);
  tokens.set(stated, token);
  const placed = new Headers([[':path', path]]);
  const provider = issuersIn(jwt).find(({ issuer = '' }) => issuer === token.claims['iss'] || issuer === '');
  if (provider === undefined) placed.set('authorization', `Bearer ${stated}`);
  else placeToken(provider, stated, placed);
  const { path: withToken, rest } = taken(placed, path);
  return { request: { method, path: withToken, host, headers: [...headers, ...rest] }, tokens };
}

function taken(placed: Headers, path: string): { readonly path: string; readonly rest: HttpRequest['headers'] } {
  const rest = [...placed.joined()].filter(([name]) => name !== ':path');
  return { path: placed.first(':path') ?? path, rest };
}

/** The providers that trust an issuer; one that only removes headers has another name (behaviour.md 1.2, Translation). */
function issuersIn(jwt: Jwt | undefined) {
  return Object.entries(jwt?.providers ?? {}).flatMap(([name, provider]) =>
    name.startsWith('origins-') ? [provider] : [],
  );
}

/** Claims without an issuer are of the only one there is. */
function statedToken(claims: Token['claims'], jwt: Jwt | undefined): Token {
  const issuers = [...new Set(issuersIn(jwt).map(({ issuer = '' }) => issuer))];
  const [only, second] = issuers;
  if (claims['iss'] === undefined && second !== undefined)
    throw new MeshError('bad-argument', 'which issuer signed the token?', {
      hint: `add --jwt-claim iss=ISSUER; trusted there: ${issuers.join(', ')}`,
    });
  const whole = { ...(only !== undefined && only !== '' && { iss: only }), ...claims };
  const payload = Buffer.from(JSON.stringify(whole)).toString('base64url');
  return { handle: stated, claims: whole, payload, signedBy: 'assumed' };
}
