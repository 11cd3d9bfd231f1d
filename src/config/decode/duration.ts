import type { Field } from './field.ts';

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const whole = /^(?:(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(?:ns|us|µs|μs|ms|s|m|h))+$/;
const part = /(\d+\.?\d*|\.\d+)([^\d.]+)/g;
/** A hundred years: of about three hundred Envoy refuses all that came with them. */
const longest = 100 * 365 * 86_400_000;

/**
 * A duration in ms, as Go writes one: `5s`, `1.5s`, `300ms`, `1h30m`. At least one ms, or with `zero` also none. Undefined where
 * none is written, or none can be read.
 */
export function readDuration(field: Field, options: { readonly zero?: boolean } = {}): number | undefined {
  const text = field.text();
  if (text === undefined) return undefined;
  const ms = text === '0' ? 0 : whole.test(text) ? Math.round(total(text)) : Number.NaN;
  if (ms >= (options.zero === true ? 0 : 1)) {
    if (ms <= longest) return ms;
    return field.error('out-of-range', 'is more than a hundred years', 'write a shorter time');
  }
  return field.error('bad-duration', `${JSON.stringify(text)} is no duration`, 'write a number and a unit: 5s, 300ms');
}

function total(text: string): number {
  return [...text.matchAll(part)].reduce((sum, [, number, unit = '']) => sum + Number(number) * (units[unit] ?? 0), 0);
}
