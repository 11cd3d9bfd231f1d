import { any, envoy } from '@envoyproxy/protos';
import type { CorsPolicy, Fault } from '../../model/http-route.ts';
import type { Percent } from '../../model/traffic-policy.ts';
import { milliseconds } from './sources.ts';
import { valueMatcher } from './value-matcher.ts';

type Route = envoy.config.route.v3.Route;
type HttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter;

/** Names of the filters that do what a route says; Envoy finds what is for a filter by its name. */
export const faultFilter = 'envoy.filters.http.fault';
export const corsFilter = 'envoy.filters.http.cors';

/**
 * The filters that must stand in a gateway's connection manager, right before the router and in this order (behaviour.md 1.3, HTTP filter order).
 * By themselves they do nothing. They are always there, since a token may choose another route after the filters of a request are set up.
 */
export const routeFilters: readonly HttpFilter[] = [
  { name: faultFilter, typedConfig: any('envoy.extensions.filters.http.fault.v3.HTTPFault', {}) },
  { name: corsFilter, typedConfig: any('envoy.extensions.filters.http.cors.v3.Cors', {}) },
];

/** The same for sidecars, where Envoy leaves them out of requests whose route says nothing to them: they cost nothing there. */
export const dormantRouteFilters: readonly HttpFilter[] = routeFilters.map((filter) => ({ ...filter, disabled: true }));

/** A share as Envoy counts it, to a ten thousandth of a percent. */
export function fraction(percent: Percent): envoy.type.v3.FractionalPercent {
  const { MILLION } = envoy.type.v3.FractionalPercent.DenominatorType;
  return { numerator: Math.round(percent * 10_000), denominator: MILLION };
}

/** What a route tells these filters. */
export function filterConfig(
  fault: Fault | undefined,
  cors: CorsPolicy | undefined,
): Pick<Route, 'typedPerFilterConfig'> {
  const configs = {
    ...(fault === undefined
      ? {}
      : { [faultFilter]: any('envoy.extensions.filters.http.fault.v3.HTTPFault', faultConfig(fault)) }),
    ...(cors === undefined
      ? {}
      : { [corsFilter]: any('envoy.extensions.filters.http.cors.v3.CorsPolicy', corsConfig(cors)) }),
  };
  return Object.keys(configs).length === 0 ? {} : { typedPerFilterConfig: configs };
}

function faultConfig({ delay, abort }: Fault): envoy.extensions.filters.http.fault.v3.HTTPFault {
  return {
    ...(delay === undefined
      ? {}
      : { delay: { fixedDelay: milliseconds(delay.ms), percentage: fraction(delay.percent) } }),
    ...(abort === undefined
      ? {}
      : {
          abort: {
            ...(abort.kind === 'http' ? { httpStatus: abort.status } : { grpcStatus: abort.status }),
            percentage: fraction(abort.percent),
          },
        }),
  };
}

function corsConfig(cors: CorsPolicy): envoy.extensions.filters.http.cors.v3.CorsPolicy {
  const origins = cors.origins.flatMap((origin) => (origin.kind === 'present' ? [] : valueMatcher(origin)));
  return {
    allowOriginStringMatch: origins,
    allowMethods: cors.methods.join(','),
    allowHeaders: cors.headers.join(','),
    exposeHeaders: cors.exposed.join(','),
    ...(cors.maxAgeSeconds === undefined ? {} : { maxAge: String(cors.maxAgeSeconds) }),
    ...(cors.credentials === undefined ? {} : { allowCredentials: { value: cors.credentials } }),
    forwardNotMatchingPreflights: { value: cors.forwardUnmatched },
  };
}
