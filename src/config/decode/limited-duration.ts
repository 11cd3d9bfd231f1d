import { readDuration } from './duration.ts';
import type { Field } from './field.ts';

/** A time in ms of a route, where `null` isn't none. */
export function readRouteDuration(field: Field, options: { readonly zero?: boolean } = {}): number | undefined {
  field.refuseNull('a duration');
  return readDuration(field, options);
}
