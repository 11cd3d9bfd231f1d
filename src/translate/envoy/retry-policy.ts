import { any, type envoy } from '@envoyproxy/protos';
import type { Retries } from '../../model/http-route.ts';
import { milliseconds } from './sources.ts';

const previousHosts = {
  name: 'envoy.retry_host_predicates.previous_hosts',
  typedConfig: any('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate', {}),
};

/** When Envoy sends a request again; undefined for never (behaviour.md 4.3 and 5.7). */
export function retryPolicy(retries: Retries): envoy.config.route.v3.RetryPolicy | undefined {
  const { attempts, on, statusCodes, perTryTimeoutMs, otherHosts, backoffMs } = retries;
  if (attempts === 0) return undefined;
  return {
    retryOn: on.join(','),
    numRetries: { value: attempts },
    ...(statusCodes.length > 0 ? { retriableStatusCodes: statusCodes } : {}),
    ...(perTryTimeoutMs === undefined ? {} : { perTryTimeout: milliseconds(perTryTimeoutMs) }),
    ...(otherHosts ? { retryHostPredicate: [previousHosts], hostSelectionRetryMaxAttempts: 5 } : {}),
    ...(backoffMs === undefined ? {} : { retryBackOff: { baseInterval: milliseconds(backoffMs) } }),
  };
}
