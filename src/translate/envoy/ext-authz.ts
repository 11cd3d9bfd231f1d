import { envoy, type google } from '@envoyproxy/protos';
import { assertNever } from '../../lib/assert-never.ts';
import type { ExtAuthzHttp, ExtensionProvider } from '../../model/extension-provider.ts';
import { stringMatch } from '../../model/match.ts';
import { stringMatcher } from './matcher.ts';
import { outboundCluster } from './names.ts';
import { customPrefix, rbacMetadata, shadowResult, unaskedRule } from './rbac.ts';

type HttpExtAuthz = envoy.extensions.filters.http.ext_authz.v3.ExtAuthz;
type NetworkExtAuthz = envoy.extensions.filters.network.ext_authz.v3.ExtAuthz;

/**
 * Asks an external authorizer about those requests that its policies matched, which the filter before it has found out
 * (behaviour.md 1.3, CUSTOM). Without an answer the request is refused, unless the provider says otherwise.
 */
export function httpExtAuthz(provider: ExtensionProvider): HttpExtAuthz {
  const { body } = provider;
  return {
    ...service(provider),
    transportApiVersion: envoy.config.core.v3.ApiVersion.V3,
    failureModeAllow: provider.failOpen,
    statusOnError: { code: statusCode(provider.statusOnError) },
    ...(body === undefined ? {} : { withRequestBody: body }),
    ...(provider.clearRouteCache ? { clearRouteCache: true } : {}),
    includePeerCertificate: true,
    filterEnabledMetadata: matched(rbacMetadata.http, provider.name),
  };
}

/**
 * Stands where an authorizer isn't asked, and so matches nothing. The filter before it and this one come to Envoy apart, though, and Envoy may
 * refuse the one that asks: what is to be asked about must not pass because nobody asks.
 */
export function httpUnasked(provider: string): envoy.extensions.filters.http.rbac.v3.RBAC {
  const permissions = [{ metadata: matched(rbacMetadata.http, provider) }];
  return {
    rules: {
      action: envoy.config.rbac.v3.RBAC.Action.DENY,
      policies: { [unaskedRule(provider)]: { permissions, principals: [{ any: true }] } },
    },
  };
}

/** Asks about a connection; only gRPC can be. */
export function networkExtAuthz(provider: ExtensionProvider): NetworkExtAuthz {
  return {
    statPrefix: 'tcp.',
    grpcService: grpcService(provider),
    transportApiVersion: envoy.config.core.v3.ApiVersion.V3,
    failureModeAllow: provider.failOpen,
    includePeerCertificate: true,
    filterEnabledMetadata: matched(rbacMetadata.tcp, provider.name),
  };
}

/** A status that Envoy has no word for becomes the usual 403. */
function statusCode(status: number): envoy.type.v3.StatusCode {
  const { StatusCode } = envoy.type.v3;
  return Object.values(StatusCode).find((code) => code === status) ?? StatusCode.Forbidden;
}

/** The result under the provider's own keys, whole: no name that begins like another's can meet it (pitfall 56). */
function matched(filter: string, provider: string): envoy.type.matcher.v3.MetadataMatcher {
  return {
    filter,
    path: [{ key: `${customPrefix(provider)}${shadowResult}` }],
    value: { stringMatch: { exact: 'denied' } },
  };
}

type HttpService = envoy.extensions.filters.http.ext_authz.v3.HttpService;
type AskedService =
  | { readonly grpcService: envoy.config.core.v3.GrpcService }
  | { readonly httpService: HttpService; readonly allowedHeaders?: envoy.type.matcher.v3.ListStringMatcher };

function service(provider: ExtensionProvider): AskedService {
  switch (provider.kind) {
    case 'grpc':
      return { grpcService: grpcService(provider) };
    case 'http':
      return httpService(provider);
    default:
      return assertNever(provider);
  }
}

function grpcService(provider: ExtensionProvider): envoy.config.core.v3.GrpcService {
  return {
    envoyGrpc: {
      clusterName: outboundCluster(provider.port, provider.service),
      authority: `${provider.service}:${provider.port}`,
    },
    timeout: duration(provider.timeoutMs),
  };
}

function httpService(provider: ExtAuthzHttp): Extract<AskedService, { readonly httpService: HttpService }> {
  const { port, service: host, includeRequestHeadersInCheck } = provider;
  const headersToAdd = Object.entries(provider.includeAdditionalHeadersInCheck).map(([key, value]) => ({
    key,
    value: literal(value),
  }));
  const { headersToUpstreamOnAllow, headersToDownstreamOnAllow, headersToDownstreamOnDeny } = provider;
  const authorizationResponse = {
    ...(headersToUpstreamOnAllow.length > 0 && { allowedUpstreamHeaders: headerNames(headersToUpstreamOnAllow) }),
    ...(headersToDownstreamOnAllow.length > 0 && {
      allowedClientHeadersOnSuccess: headerNames(headersToDownstreamOnAllow),
    }),
    ...(headersToDownstreamOnDeny.length > 0 && { allowedClientHeaders: headerNames(headersToDownstreamOnDeny) }),
  };
  return {
    httpService: {
      serverUri: {
        uri: `http://${host}:${port}`,
        cluster: outboundCluster(port, host),
        timeout: duration(provider.timeoutMs),
      },
      pathPrefix: provider.pathPrefix,
      ...(headersToAdd.length === 0 ? {} : { authorizationRequest: { headersToAdd } }),
      ...(Object.keys(authorizationResponse).length > 0 && { authorizationResponse }),
    },
    ...(includeRequestHeadersInCheck.length > 0 && { allowedHeaders: headerNames(includeRequestHeadersInCheck) }),
  };
}

/** Header names, of which case doesn't count; Envoy refuses to be told so of a pattern, which has no letters anyway. */
function headerNames(names: readonly string[]): envoy.type.matcher.v3.ListStringMatcher {
  return {
    patterns: names.map((name) => {
      const match = stringMatch(name);
      return match.kind === 'present' ? stringMatcher(match) : { ...stringMatcher(match), ignoreCase: true };
    }),
  };
}

/** Values are formats to Envoy; ours are texts, in which a percent sign is one. */
function literal(value: string): string {
  return value.replaceAll('%', '%%');
}

function duration(ms: number): google.protobuf.Duration {
  return { seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1_000_000 };
}
