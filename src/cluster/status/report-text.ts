import type { Refusal, Spread } from './facts.ts';
import { bounded, maxRefusals } from './facts.ts';

/** What one replica tells the leader of its own proxies. */
export interface Report {
  readonly spreads: ReadonlyMap<string, Spread>;
  /** There was no room for so many policies. */
  readonly omitted: number;
}

/** Well below what one object may have (1 MiB), with room for metadata. */
export const maxReportBytes = 900_000;

type Row = readonly [
  key: string,
  uid: string,
  generation: number,
  applied: number,
  enforced: number,
  rejected: number,
  overridden: number,
  refusals: readonly (readonly [proxy: string, words: string])[],
];

/**
 * Writes the policies that concern some proxy, by key, as compact JSON. What doesn't fit is left out and counted, so that
 * nobody takes a part for the whole.
 */
export function reportText(spreads: Iterable<Spread>, maxBytes = maxReportBytes): string {
  const concerned = [...spreads].filter(({ applied, overridden }) => applied + overridden > 0);
  concerned.sort((a, b) => (a.key < b.key ? -1 : 1));
  const rows: string[] = [];
  let size = 64;
  for (const spread of concerned) {
    const row = JSON.stringify(rowOf(spread));
    size += Buffer.byteLength(row) + 1;
    if (size > maxBytes) break;
    rows.push(row);
  }
  return `{"version":1,"omitted":${concerned.length - rows.length},"policies":[${rows.join()}]}`;
}

/** What must be told soon: equal for reports that differ only in how many proxies hold what all of them hold. */
export function reportGist(spreads: Iterable<Spread>): string {
  const gist = [...spreads].map((spread) => {
    const holds = spread.applied > 0 && spread.enforced === spread.applied;
    return holds ? { ...spread, applied: 1, enforced: 1, overridden: Math.min(1, spread.overridden) } : spread;
  });
  return reportText(gist);
}

function rowOf(spread: Spread): Row {
  const { key, uid, generation, applied, enforced, rejected, overridden, refusals } = spread;
  return [
    key,
    uid,
    generation,
    applied,
    enforced,
    rejected,
    overridden,
    refusals.map((each) => [each.proxy, each.words]),
  ];
}

/** Reads what {@link reportText} wrote; undefined for anything else. */
export function parseReport(text: string): Report | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('version' in value) || value.version !== 1) return undefined;
  if (!('omitted' in value && 'policies' in value && Array.isArray(value.policies))) return undefined;
  const spreads = new Map<string, Spread>();
  for (const row of value.policies) {
    const spread = spreadOf(row);
    if (spread === undefined) return undefined;
    spreads.set(spread.key, spread);
  }
  return isCount(value.omitted) ? { spreads, omitted: value.omitted } : undefined;
}

function spreadOf(row: unknown): Spread | undefined {
  if (!Array.isArray(row)) return undefined;
  const [key, uid, generation, applied, enforced, rejected, overridden, refusals]: readonly unknown[] = row;
  if (typeof key !== 'string' || typeof uid !== 'string' || !isCount(generation) || !isCount(overridden))
    return undefined;
  if (!(isCount(applied) && isCount(enforced) && isCount(rejected)) || enforced + rejected > applied) return undefined;
  if (!Array.isArray(refusals)) return undefined;
  const read = refusals.slice(0, maxRefusals).flatMap(refusalOf);
  return { key, uid, generation, applied, enforced, rejected, overridden, refusals: read };
}

function refusalOf(value: unknown): readonly Refusal[] {
  if (!Array.isArray(value)) return [];
  const [proxy, words]: readonly unknown[] = value;
  return typeof proxy === 'string' && typeof words === 'string'
    ? [{ proxy: bounded(proxy), words: bounded(words) }]
    : [];
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
