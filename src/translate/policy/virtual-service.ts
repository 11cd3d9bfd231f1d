import type { DecidedRoute } from '../../model/delegation.ts';
import { anyRequest, matchesAll, type RequestMatch } from '../../model/http-match.ts';
import {
  type CorsPolicy,
  defaultRetries,
  type Fault,
  type HeaderPolicy,
  type HttpAction,
  type Mirror,
  type Retries,
  type Rewrite,
} from '../../model/http-route.ts';
import type { Labels } from '../../model/object.ts';
import { selects } from '../../model/selector.ts';
import { anyAudience, type HttpMatch, type RouteAudience } from '../../model/virtual-service.ts';
import type { BoundService, RoutedService } from './virtual-services.ts';

/** Who asks for routes: a sidecar, or a router on behalf of Gateways. */
export interface RouteAsker {
  /** `mesh`, or Gateways as `namespace/name`. */
  readonly gateways: readonly string[];
  readonly namespace: string;
  readonly labels: Labels;
  /** Port that the client asked for. */
  readonly port: number;
}

/** One route as a proxy is told it: nothing in it is left open. */
export interface EffectiveRoute {
  /** `<route>.<match>`, for people. */
  readonly name: string;
  readonly statPrefix: string;
  readonly match: RequestMatch;
  readonly action: HttpAction;
  readonly rewrite: Rewrite | undefined;
  /** 0: no limit. */
  readonly timeoutMs: number;
  readonly retries: Retries;
  readonly fault: Fault | undefined;
  readonly mirrors: readonly Mirror[];
  readonly cors: CorsPolicy | undefined;
  readonly headers: HeaderPolicy | undefined;
  /** `<name>.<namespace>` of the VirtualService in which it stands: what tools show. */
  readonly virtualService: string;
}

/**
 * The HTTP routes of a VirtualService for whoever asks, in the order in which they are tried; what stands behind a match of all requests is
 * never reached, and left out (behaviour.md 5.7). Undefined where it says nothing of HTTP, so that the destination is what was asked for.
 */
export function effectiveRoutes(
  { service, http }: RoutedService,
  asker: RouteAsker,
): readonly EffectiveRoute[] | undefined {
  return service.http.length === 0 ? undefined : untilAll(http.flatMap((route) => routesFor(route, asker)));
}

/**
 * The routes of one domain of a gateway. Where several VirtualServices hold, those that match every request go last, or the oldest would
 * leave nothing to the others (behaviour.md 5.7).
 */
export function gatewayRoutes(
  services: readonly BoundService[],
  router: Pick<RouteAsker, 'namespace' | 'labels'>,
): readonly EffectiveRoute[] {
  const each = services.map(
    (service) => effectiveRoutes(service, { ...router, gateways: service.gateways, port: service.port }) ?? [],
  );
  if (each.length < 2) return each.flat();
  const [all, some] = [true, false].map((wanted) => each.flat().filter(({ match }) => matchesAll(match) === wanted));
  return untilAll([...(some ?? []), ...(all ?? [])]);
}

function untilAll(routes: readonly EffectiveRoute[]): readonly EffectiveRoute[] {
  const last = routes.findIndex(({ match }) => matchesAll(match));
  return last < 0 ? routes : routes.slice(0, last + 1);
}

const everything: HttpMatch = { ...anyAudience, name: '', statPrefix: '', request: anyRequest };

function routesFor(route: DecidedRoute, asker: RouteAsker): readonly EffectiveRoute[] {
  const { matches, owner, action } = route;
  return (matches.length === 0 ? [everything] : matches)
    .filter((match) => isFor(match, asker))
    .map((match) => ({
      name: [route.name, match.name].filter((name) => name !== '').join('.'),
      statPrefix: match.statPrefix,
      match: match.request,
      action,
      rewrite: route.rewrite,
      timeoutMs: route.timeoutMs ?? 0,
      retries: route.retries ?? defaultRetries,
      fault: route.fault,
      mirrors: route.mirrors ?? [],
      cors: route.cors,
      headers: route.headers,
      virtualService: `${owner.meta.name}.${owner.meta.namespace}`,
    }));
}

/** With gateways, only those count; otherwise labels and namespace of the client (behaviour.md 5.7, match eligibility). */
export function isFor(audience: RouteAudience, asker: RouteAsker): boolean {
  if (audience.port !== undefined && audience.port !== asker.port) return false;
  if (audience.gateways.length > 0) return audience.gateways.some((each) => asker.gateways.includes(each));
  const { sourceNamespace } = audience;
  return (
    (sourceNamespace === '' || sourceNamespace === asker.namespace) &&
    selects({ matchLabels: audience.sourceLabels }, asker.labels)
  );
}
