import type { Field } from './field.ts';

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A duration in ms, `5s`, `1.5s`, `300ms`, of at least one; undefined where none is written, or none can be read. */
export function readDuration(field: Field): number | undefined {
  const text = field.text();
  if (text === undefined) return undefined;
  const [, number, unit = ''] = /^(\d{1,7}(?:\.\d{1,9})?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Math.round(Number(number) * (units[unit] ?? Number.NaN));
  if (ms >= 1 && Number.isSafeInteger(ms)) return ms;
  return field.error('bad-duration', `${JSON.stringify(text)} is no duration`, 'write a number and a unit: 5s, 300ms');
}
