import { envoy } from '@envoyproxy/protos';
import type { ConnectionPool, LoadBalancer, OutlierDetection, RetryBudget } from '../../model/traffic-policy.ts';
import type { TargetPolicy } from '../policy/target-policy.ts';
import { milliseconds, seconds } from './sources.ts';

type Cluster = envoy.config.cluster.v3.Cluster;

const { DiscoveryType, LbPolicy } = envoy.config.cluster.v3.Cluster;
/** As good as unlimited, in three bytes on the wire: it stands four times in every cluster. */
const unlimited = { value: 2_097_151 };

export const connectTimeout = seconds(10);

/** No breaker of ours: Envoy's defaults (three retries at once) would cut healthy services. */
export const noBreakers: NonNullable<Cluster['circuitBreakers']> = breakers(undefined, undefined);

function breakers(pool: ConnectionPool | undefined, budget: RetryBudget | undefined) {
  const limit = (value: number | undefined) => (value === undefined ? unlimited : { value });
  return {
    thresholds: [
      {
        maxConnections: limit(pool?.maxConnections),
        maxPendingRequests: limit(pool?.maxPendingRequests),
        maxRequests: limit(pool?.maxRequests),
        // Envoy would read both, and heed the budget alone.
        ...(budget === undefined ? { maxRetries: limit(pool?.maxRetries) } : { retryBudget: retryBudget(budget) }),
      },
    ],
  };
}

function retryBudget({ percent, minRetryConcurrency, intervalMs }: RetryBudget) {
  return {
    ...(percent === undefined ? {} : { budgetPercent: { value: percent } }),
    ...(minRetryConcurrency === undefined ? {} : { minRetryConcurrency: { value: minRetryConcurrency } }),
    ...(intervalMs === undefined ? {} : { budgetInterval: milliseconds(intervalMs) }),
  };
}

/** How traffic is sent to a target, as a cluster says it: without TLS and HTTP, which have files of their own. */
export function clusterPolicy({ connectionPool, loadBalancer, outlierDetection, retryBudget: budget }: TargetPolicy) {
  const keepalive = connectionPool?.keepalive;
  return {
    connectTimeout:
      connectionPool?.connectTimeoutMs === undefined ? connectTimeout : milliseconds(connectionPool.connectTimeoutMs),
    circuitBreakers:
      connectionPool === undefined && budget === undefined ? noBreakers : breakers(connectionPool, budget),
    ...balancing(loadBalancer),
    ...(keepalive === undefined
      ? {}
      : {
          upstreamConnectionOptions: {
            tcpKeepalive: {
              ...(keepalive.probes === undefined ? {} : { keepaliveProbes: { value: keepalive.probes } }),
              ...(keepalive.timeMs === undefined ? {} : { keepaliveTime: wholeSeconds(keepalive.timeMs) }),
              ...(keepalive.intervalMs === undefined ? {} : { keepaliveInterval: wholeSeconds(keepalive.intervalMs) }),
            },
          },
        }),
    ...(outlierDetection === undefined ? {} : outliers(outlierDetection)),
  };
}

/** TCP counts in seconds, and none would be no keep-alive. */
const wholeSeconds = (ms: number) => ({ value: Math.max(1, Math.ceil(ms / 1_000)) });

function balancing(balancer: LoadBalancer | undefined) {
  const eds = { type: DiscoveryType.EDS } as const;
  const method = balancer?.method ?? 'LEAST_REQUEST';
  const slow = balancer?.warmup;
  const slowStartConfig = slow && {
    slowStartWindow: milliseconds(slow.durationMs),
    ...(slow.minimumPercent === undefined ? {} : { minWeightPercent: { value: slow.minimumPercent } }),
    ...(slow.aggression === undefined
      ? {}
      : { aggression: { defaultValue: slow.aggression, runtimeKey: 'coxswain.aggression' } }),
  };
  switch (method) {
    case 'LEAST_REQUEST':
      return {
        ...eds,
        lbPolicy: LbPolicy.LEAST_REQUEST,
        ...(slowStartConfig === undefined ? {} : { leastRequestLbConfig: { slowStartConfig } }),
      };
    case 'ROUND_ROBIN':
      return {
        ...eds,
        lbPolicy: LbPolicy.ROUND_ROBIN,
        ...(slowStartConfig === undefined ? {} : { roundRobinLbConfig: { slowStartConfig } }),
      };
    case 'RANDOM':
      return { ...eds, lbPolicy: LbPolicy.RANDOM };
    case 'PASSTHROUGH':
      return { type: DiscoveryType.ORIGINAL_DST, lbPolicy: LbPolicy.CLUSTER_PROVIDED };
  }
  return method.algorithm.kind === 'maglev'
    ? {
        ...eds,
        lbPolicy: LbPolicy.MAGLEV,
        ...(method.algorithm.tableSize === undefined
          ? {}
          : { maglevLbConfig: { tableSize: { value: method.algorithm.tableSize } } }),
      }
    : {
        ...eds,
        lbPolicy: LbPolicy.RING_HASH,
        ringHashLbConfig: { minimumRingSize: { value: method.algorithm.minimumSize ?? 1_024 } },
      };
}

function outliers(detection: OutlierDetection) {
  const { consecutive5xx, consecutiveGatewayErrors, consecutiveLocalFailures } = detection;
  const { intervalMs, baseEjectionMs, maxEjectionPercent } = detection;
  return {
    outlierDetection: {
      ...(consecutive5xx === undefined ? {} : { enforcingConsecutive_5xx: share(consecutive5xx) }),
      ...(consecutive5xx ? { consecutive_5xx: { value: consecutive5xx } } : {}),
      ...(consecutiveGatewayErrors === undefined
        ? {}
        : { enforcingConsecutiveGatewayFailure: share(consecutiveGatewayErrors) }),
      ...(consecutiveGatewayErrors ? { consecutiveGatewayFailure: { value: consecutiveGatewayErrors } } : {}),
      ...(detection.splitLocalErrors ? { splitExternalLocalOriginErrors: true } : {}),
      ...(consecutiveLocalFailures === undefined
        ? {}
        : { enforcingConsecutiveLocalOriginFailure: share(consecutiveLocalFailures) }),
      ...(consecutiveLocalFailures ? { consecutiveLocalOriginFailure: { value: consecutiveLocalFailures } } : {}),
      ...(intervalMs === undefined ? {} : { interval: milliseconds(intervalMs) }),
      ...(baseEjectionMs === undefined ? {} : { baseEjectionTime: milliseconds(baseEjectionMs) }),
      ...(maxEjectionPercent === undefined ? {} : { maxEjectionPercent: { value: maxEjectionPercent } }),
      // Only errors in a row count: judging by rates is not part of the API.
      enforcingSuccessRate: { value: 0 },
    },
    commonLbConfig: { healthyPanicThreshold: { value: detection.minHealthPercent ?? 0 } },
  };
}

/** How often an endpoint with so many errors in a row is left out, in percent: a count of 0 switches its kind of error off. */
const share = (count: number) => ({ value: count > 0 ? 100 : 0 });
