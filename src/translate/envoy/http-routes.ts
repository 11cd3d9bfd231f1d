import { envoy } from '@envoyproxy/protos';
import { assertNever } from '../../lib/assert-never.ts';
import type {
  Destination,
  DirectResponse,
  HeaderPolicy,
  Redirect,
  Rewrite,
  WeightedDestination,
} from '../../model/http-route.ts';
import type { HashKey, Tunnel } from '../../model/traffic-policy.ts';
import type { EffectiveRoute } from '../policy/virtual-service.ts';
import { hashPolicy } from './hash-policy.ts';
import { objectMetadata } from './object-metadata.ts';
import { retryPolicy } from './retry-policy.ts';
import { filterConfig, fraction } from './route-filters.ts';
import { headerFields } from './route-headers.ts';
import { routeMatch } from './route-match.ts';
import { milliseconds } from './sources.ts';

type Route = envoy.config.route.v3.Route;
type RouteAction = envoy.config.route.v3.RouteAction;

/** What a route configuration must say of itself to hold these routes: bodies of direct responses are larger than Envoy's default of 4 KiB. */
export const routeLimits = { maxDirectResponseBodySizeBytes: { value: 1_048_576 } } as const;

/** What routes need to know of the proxy that they are for. */
export interface RouteTargets {
  /** Name of the cluster of a service, or of a part of it. */
  readonly clusterOf: (destination: Destination) => string;
  /** What consistent load balancing among a destination's endpoints hashes. */
  readonly hashOf: (destination: Destination) => HashKey | undefined;
  /** The tunnel in which connections to a destination go. */
  readonly tunnelOf: (destination: Destination) => Tunnel | undefined;
  /** Port that the client asked for: redirects may keep it. */
  readonly port: number;
}

/** Envoy's routes, in the order in which they are tried (behaviour.md 5.7). */
export function httpRoutes(routes: readonly EffectiveRoute[], targets: RouteTargets): readonly Route[] {
  return routes.map((route) => httpRoute(route, targets));
}

function httpRoute(route: EffectiveRoute, targets: RouteTargets): Route {
  const { name, statPrefix, match, fault, cors, virtualService } = route;
  return {
    ...(name === '' ? {} : { name }),
    match: routeMatch(match),
    ...actionOf(route, targets),
    metadata: objectMetadata('virtual-service', virtualService),
    ...filterConfig(fault, cors),
    ...(statPrefix === '' ? {} : { statPrefix }),
  };
}

function actionOf(route: EffectiveRoute, targets: RouteTargets) {
  const { action, headers } = route;
  const own = headers === undefined ? [] : [headers];
  switch (action.kind) {
    case 'forward':
      return forward(route, action.destinations, targets);
    case 'redirect':
      return { ...headerFields(own), redirect: redirect(action, targets.port) };
    case 'direct-response':
      return { ...headerFields(own), directResponse: directResponse(action) };
    default:
      return assertNever(action);
  }
}

/** An only destination changes headers after the route, and so wins; one of several does so before it, as Envoy has it. */
function forward(
  route: EffectiveRoute,
  destinations: readonly WeightedDestination[],
  { clusterOf, hashOf }: RouteTargets,
) {
  const own = route.headers === undefined ? [] : [route.headers];
  const [first, ...others] = destinations;
  const only = others.length === 0 ? first : undefined;
  const inner = only?.headers === undefined ? [] : [only.headers];
  return {
    ...headerFields([...own, ...inner]),
    route: {
      ...(only === undefined ? weighted(destinations, clusterOf) : { cluster: clusterOf(only.destination) }),
      ...rewritten(route.rewrite, [...own, ...inner]),
      ...timesAndTries(route),
      ...mirrored(route, clusterOf),
      ...hashed(destinations, hashOf),
    },
  };
}

function weighted(
  destinations: readonly WeightedDestination[],
  clusterOf: RouteTargets['clusterOf'],
): { readonly weightedClusters: envoy.config.route.v3.WeightedCluster } {
  return {
    weightedClusters: {
      clusters: destinations.map(({ destination, weight, headers }) => ({
        name: clusterOf(destination),
        weight: { value: weight },
        ...(headers === undefined ? {} : headerFields([headers])),
        ...(headers === undefined || headers.host === '' ? {} : { hostRewriteLiteral: headers.host }),
      })),
    },
  };
}

function rewritten(rewrite: Rewrite | undefined, headers: readonly HeaderPolicy[]) {
  const host = rewrite?.authority || headers.findLast((each) => each.host !== '')?.host || '';
  return { ...newHost(host), ...newPath(rewrite?.path ?? { kind: 'keep' }) };
}

type NewHost = { readonly hostRewriteLiteral: string } | { readonly hostRewriteLiteral?: never };

function newHost(host: string): NewHost {
  return host === '' ? {} : { hostRewriteLiteral: host };
}

type NewPath = Pick<RouteAction, 'prefixRewrite' | 'regexRewrite'>;

function newPath(path: Rewrite['path']): NewPath {
  switch (path.kind) {
    case 'keep':
      return {};
    case 'matched':
      return { prefixRewrite: path.value };
    case 'regex':
      return { regexRewrite: { pattern: { regex: path.pattern }, substitution: path.substitution } };
  }
}

/**
 * A deadline that a gRPC client sends holds, up to the timeout (behaviour.md 5.7). It stands in the older of Envoy's two fields for it: beside the
 * newer one, `max_stream_duration`, Envoy 1.36 and 1.40 pass over the timeout.
 */
function timesAndTries({ timeoutMs, retries }: EffectiveRoute) {
  const timeout = milliseconds(timeoutMs);
  const policy = retryPolicy(retries);
  return {
    timeout,
    maxGrpcTimeout: timeout,
    ...(policy === undefined ? {} : { retryPolicy: policy }),
  };
}

function mirrored({ mirrors }: EffectiveRoute, clusterOf: RouteTargets['clusterOf']) {
  const policies = mirrors
    .filter(({ percent }) => percent > 0)
    .map(({ destination, percent }) => ({
      cluster: clusterOf(destination),
      runtimeFraction: { defaultValue: fraction(percent) },
    }));
  return policies.length === 0 ? {} : { requestMirrorPolicies: policies };
}

/** Each key once: destinations may share one, and each hashes what it knows of. */
function hashed(destinations: readonly WeightedDestination[], hashOf: RouteTargets['hashOf']) {
  const keys = new Map<string, HashKey>();
  for (const { destination } of destinations) {
    const key = hashOf(destination);
    if (key !== undefined) keys.set(JSON.stringify(key), key);
  }
  return keys.size === 0 ? {} : { hashPolicy: [...keys.values()].map(hashPolicy) };
}

const { RedirectResponseCode } = envoy.config.route.v3.RedirectAction;
const redirectCodes = {
  301: RedirectResponseCode.MOVED_PERMANENTLY,
  302: RedirectResponseCode.FOUND,
  303: RedirectResponseCode.SEE_OTHER,
  307: RedirectResponseCode.TEMPORARY_REDIRECT,
  308: RedirectResponseCode.PERMANENT_REDIRECT,
} as const satisfies Record<Redirect['code'], envoy.config.route.v3.RedirectAction.RedirectResponseCode>;

function redirect(
  { path, authority, scheme, port, code }: Redirect,
  asked: number,
): envoy.config.route.v3.RedirectAction {
  const portRedirect = port === 'request-port' ? asked : port;
  return {
    ...newScheme(scheme),
    ...(authority === '' ? {} : { hostRedirect: authority }),
    ...(portRedirect === 'protocol-default' ? {} : { portRedirect }),
    ...newLocation(path),
    responseCode: redirectCodes[code],
  };
}

type NewScheme = { readonly schemeRedirect: string } | { readonly schemeRedirect?: never };

function newScheme(scheme: string): NewScheme {
  return scheme === '' ? {} : { schemeRedirect: scheme };
}

type NewLocation =
  | { readonly pathRedirect: string; readonly prefixRewrite?: never }
  | { readonly prefixRewrite: string; readonly pathRedirect?: never }
  | { readonly pathRedirect?: never; readonly prefixRewrite?: never };

function newLocation(path: Redirect['path']): NewLocation {
  switch (path.kind) {
    case 'keep':
      return {};
    case 'whole':
      return { pathRedirect: path.value };
    case 'prefix':
      return { prefixRewrite: path.value };
  }
}

function directResponse({ status, body }: DirectResponse): envoy.config.route.v3.DirectResponseAction {
  switch (body.kind) {
    case 'none':
      return { status };
    case 'text':
      return { status, body: { inlineString: body.value } };
    case 'base64':
      return { status, body: { inlineBytes: Buffer.from(body.value, 'base64') } };
  }
}
