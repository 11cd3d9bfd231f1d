import { readDuration } from './duration.ts';
import type { Field } from './field.ts';

/** A hundred years: Envoy refuses routes with a time of about three hundred. */
const longest = 100 * 365 * 86_400_000;

/** A time in ms that Envoy takes in a route. */
export function readRouteDuration(field: Field, options: { readonly zero?: boolean } = {}): number | undefined {
  field.refuseNull('a duration');
  const ms = readDuration(field, options);
  if (ms === undefined || ms <= longest) return ms;
  return field.error('out-of-range', 'is more than a hundred years', 'write 0s for no limit');
}
