import { decode, type envoy, type google, typeOf } from '@envoyproxy/protos';
import type { Connection } from './connection.ts';
import { connectionFacts } from './connection.ts';
import type { EnvoyBehaviour } from './envoy-version.ts';
import { type HttpRequest, receive } from './http-request.ts';
import { runJwt } from './jwt.ts';
import { metadataMatches } from './matchers.ts';
import type { Outcome, Trail } from './outcome.ts';
import { Findings } from './rbac-filter.ts';
import type { Token } from './token.ts';

type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
type Any = google.protobuf.Any;

/** A filter that came by extension discovery, by its name. */
export type FindExtension = (name: string) => Any | undefined;

/** What the filters of a connection manager decide with. */
export interface HttpInput {
  readonly connection: Connection;
  readonly request: HttpRequest;
  readonly tokens: ReadonlyMap<string, Token>;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly extension: FindExtension;
  readonly behaviour: EnvoyBehaviour;
  readonly keysAssumed?: boolean;
}

const rbacName = 'envoy.filters.http.rbac';
const jwtName = 'envoy.filters.http.jwt_authn';

/** Runs the HTTP filters of one chain on a request, in their order, as Envoy does. An unknown filter throws. */
export function runHttp(manager: Manager, input: HttpInput): Trail {
  const { connection, request, extension, behaviour } = input;
  const findings = new Findings();
  const received = receive(manager, request, connection, behaviour);
  if (received === undefined) {
    return findings.trail({ kind: 'bad-request', reason: "the path can't be made canonical" });
  }
  const { headers, remoteAddress } = received;
  const facts = () => ({
    ...connectionFacts(connection, findings.metadata),
    remoteAddress,
    headers: headers.joined(),
    ...(behaviour.headersOneByOne && { headerValues: headers.values() }),
  });
  for (const filter of manager.httpFilters ?? []) {
    const config = filter.typedConfig ?? extension(filter.name ?? '');
    if (config === undefined)
      throw new Error(`nobody sends the filter ${filter.name}: requests fail until it is there`);
    const outcome = run(config);
    if (outcome !== undefined) return findings.trail(outcome);
  }
  return findings.trail(undefined);

  function run({ type_url: url = '', value = new Uint8Array() }: Any): Outcome | undefined {
    const type = typeOf(url);
    switch (type) {
      case 'envoy.extensions.filters.http.rbac.v3.RBAC':
        return findings.rbac(decode(type, value), facts(), rbacName);
      case 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz': {
        const authorizer = decode(type, value);
        const { filterEnabledMetadata } = authorizer;
        if (filterEnabledMetadata === undefined || metadataMatches(filterEnabledMetadata, findings.metadata))
          findings.ask(filterEnabledMetadata, authorizerName(authorizer));
        return undefined;
      }
      case 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication': {
        const { status, issuer, metadata } = runJwt(decode(type, value), { ...input, headers });
        if (status !== 'ok') return { kind: 'token', failure: status, issuer };
        findings.leave(jwtName, metadata);
        if (Object.keys(metadata).length > 0) findings.believe(issuer);
        return undefined;
      }
      // What a route says: after all policies.
      case 'envoy.extensions.filters.http.fault.v3.HTTPFault':
      case 'envoy.extensions.filters.http.cors.v3.Cors':
      case 'envoy.extensions.filters.http.router.v3.Router':
        return undefined;
      default:
        throw new Error(`unknown HTTP filter: ${url}`);
    }
  }
}

function authorizerName({ grpcService, httpService }: envoy.extensions.filters.http.ext_authz.v3.ExtAuthz): string {
  return grpcService?.envoyGrpc?.clusterName ?? httpService?.serverUri?.cluster ?? '';
}
