import { defaultRetries, type Retries } from '../../model/http-route.ts';
import type { Field, Fields } from './field.ts';
import { readRouteDuration } from './limited-duration.ts';
import { hintFor } from './suggest.ts';

const names = [
  'attempts',
  'perTryTimeout',
  'retryOn',
  'retryRemoteLocalities',
  'retryIgnorePreviousHosts',
  'backoff',
] as const;

/** Failures that every Envoy that we support knows; it passes over others without a word. */
const failures = [
  ...['5xx', 'gateway-error', 'reset', 'reset-before-request', 'connect-failure', 'envoy-ratelimited'],
  ...['retriable-4xx', 'refused-stream', 'retriable-status-codes', 'retriable-headers', 'http3-post-connect-failure'],
  ...['cancelled', 'deadline-exceeded', 'internal', 'resource-exhausted', 'unavailable'],
];

/** Reads `retries` (behaviour.md 5.7). */
export function readRetries(field: Field): Retries | undefined {
  field.refuseNull('an object');
  const fields = field.fields(names);
  if (fields === undefined) return undefined;
  for (const name of names) if (name.startsWith('retryI') === false) fields.get(name).refuseNull('a value');
  const attempts = fields.get('attempts').integer(0, 1_000) ?? 0;
  if (attempts === 0) checkOff(fields);
  if (fields.get('retryRemoteLocalities').boolean() === true)
    fields
      .get('retryRemoteLocalities')
      .warning('not-supported', 'localities are not known here: every endpoint may be tried', 'remove it');
  return {
    attempts,
    perTryTimeoutMs: readRouteDuration(fields.get('perTryTimeout'), { zero: true }) || undefined,
    ...readFailures(fields.get('retryOn')),
    otherHosts: fields.get('retryIgnorePreviousHosts').boolean() ?? true,
    backoffMs: readRouteDuration(fields.get('backoff'), { zero: true }) || undefined,
  };
}

function checkOff(fields: Fields): void {
  for (const name of names) {
    if (name !== 'attempts' && fields.get(name).present)
      fields.get(name).error('no-attempts', `${name} has no use without attempts`, 'set attempts to 1 or more');
  }
}

/** Words for failures; numbers among them are status codes (behaviour.md 5.7). */
function readFailures(field: Field): Pick<Retries, 'on' | 'statusCodes'> {
  const text = field.string() ?? '';
  if (text === '') return { on: defaultRetries.on, statusCodes: [] };
  const words = text.split(',').map((word) => word.trim());
  const numbers = words.filter((word) => /^\d+$/.test(word));
  const on = words.filter((word) => !/^\d+$/.test(word));
  for (const word of on)
    if (!failures.includes(word))
      field.error('bad-retry-on', `${JSON.stringify(word)} is no failure that Envoy knows`, hintFor(word, failures));
  for (const number of numbers)
    if (Number(number) < 100 || Number(number) > 599)
      field.error('bad-retry-on', `${number} is no status of HTTP`, 'use 100 to 599');
  const codes = numbers.length > 0 && !on.includes('retriable-status-codes') ? ['retriable-status-codes'] : [];
  return { on: [...new Set([...on, ...codes])], statusCodes: [...new Set(numbers.map(Number))] };
}
