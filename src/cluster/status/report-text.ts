import { contentVersion } from '../../lib/hash.ts';
import type { Refusal, Spread } from './facts.ts';
import { bounded, maxRefusals } from './facts.ts';

/** What one replica tells the leader of its own proxies. */
export interface Report {
  /** Of policies that concern some proxy of its own, by key. */
  readonly spreads: ReadonlyMap<string, Spread>;
  /** {@link markOf} of those that it has in force, and that concern none. Who is in neither has not been read there yet. */
  readonly idle: ReadonlySet<string>;
  /** There was no room for so many policies. */
  readonly omitted: number;
}

/** Well below what one object may have (1 MiB), with room for metadata. */
const maxReportBytes = 900_000;

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

/** A generation of a policy, in a few characters. */
export function markOf({ uid, generation }: Pick<Spread, 'uid' | 'generation'>): string {
  return contentVersion(Buffer.from(`${uid} ${generation}`));
}

/**
 * Writes the policies that concern some proxy, by key, and marks of the others, as compact JSON. What doesn't fit is left
 * out and counted, so that nobody takes a part for the whole.
 */
export function reportText(spreads: Iterable<Spread>, maxBytes = maxReportBytes): string {
  const { true: concerned = [], false: idle = [] } = Object.groupBy(spreads, concernsSome);
  concerned.sort((a, b) => (a.key < b.key ? -1 : 1));
  let size = 72;
  const fitting = (entries: readonly string[]): readonly string[] => {
    const end = entries.findIndex((entry) => {
      size += Buffer.byteLength(entry) + 1;
      return size > maxBytes;
    });
    return end < 0 ? entries : entries.slice(0, end);
  };
  const rows = fitting(concerned.map((each) => JSON.stringify(rowOf(each))));
  const marks = fitting(idle.map((each) => JSON.stringify(markOf(each))).sort());
  const omitted = concerned.length + idle.length - rows.length - marks.length;
  return `{"version":1,"omitted":${omitted},"policies":[${rows.join()}],"idle":[${marks.join()}]}`;
}

function concernsSome({ applied, overridden }: Spread): 'true' | 'false' {
  return applied + overridden > 0 ? 'true' : 'false';
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
  if (!('idle' in value && Array.isArray(value.idle))) return undefined;
  const marks: readonly unknown[] = value.idle;
  const idle = new Set(marks.filter((each) => typeof each === 'string'));
  return isCount(value.omitted) ? { spreads, idle, omitted: value.omitted } : undefined;
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
