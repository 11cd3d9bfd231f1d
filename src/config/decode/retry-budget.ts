import type { RetryBudget } from '../../model/traffic-policy.ts';
import { readDuration } from './duration.ts';
import type { Field } from './field.ts';

/** `retryBudget` of a traffic policy. In the API a minimum of 0 is "not set". */
export function readRetryBudget(field: Field, connectionPool: Field): RetryBudget | undefined {
  field.refuseNull('an object');
  const fields = field.fields(['percent', 'minRetryConcurrency', 'budgetInterval']);
  if (fields === undefined) return undefined;
  const maxRetries = connectionPool.child('http').child('maxRetries');
  if (maxRetries.present && maxRetries.value !== 0)
    maxRetries.warning('no-effect', 'maxRetries has no effect beside a retryBudget', 'remove one of them');
  const interval = fields.get('budgetInterval');
  if (interval.present)
    interval.info('newer-envoy', 'Envoy 1.36 does not know budgetInterval, and counts the requests that are active');
  return {
    percent: fields.get('percent').number(0, 100),
    minRetryConcurrency: fields.get('minRetryConcurrency').integer(0, 4_294_967_295) || undefined,
    intervalMs: readDuration(interval),
  };
}
