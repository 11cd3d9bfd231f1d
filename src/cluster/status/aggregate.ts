import { compareText } from '../../model/object.ts';
import type { Total } from './conditions.ts';
import { maxRefusals, type Spread } from './facts.ts';
import { markOf, type Report } from './report-text.ts';

/**
 * Adds the reports of other replicas to our own counts, which have every policy in force here. The newest generation that
 * some replica has in force is the one that counts: proxies of a replica that has not seen it are pending. A replica that
 * has not seen the policy at all is told apart from one whose proxies it does not concern.
 */
export function totals(own: ReadonlyMap<string, Spread>, reports: readonly Report[]): ReadonlyMap<string, Total> {
  const found = new Map<string, Total>();
  for (const [key, spread] of own) found.set(key, totalOf(key, spread, reports));
  return found;
}

function totalOf(key: string, own: Spread, reports: readonly Report[]): Total {
  const { generation } = own;
  const mark = reports.length === 0 ? '' : markOf(own);
  const silent = reports.filter(({ spreads, idle }) => !spreads.has(key) && !idle.has(mark));
  if (silent.some(({ omitted }) => omitted > 0)) return { kind: 'unreported', generation };
  const others = reports.flatMap(({ spreads }) => spreads.get(key) ?? []);
  return { kind: 'counted', spread: others.length === 0 ? own : sum(own, others), unseen: silent.length };
}

function sum(own: Spread, others: readonly Spread[]): Spread {
  const parts = [own, ...others];
  const { key, uid } = own;
  const generation = Math.max(...parts.filter((part) => part.uid === uid).map((part) => part.generation));
  const current = parts.filter((part) => part.uid === uid && part.generation === generation);
  const of = (from: readonly Spread[], field: 'applied' | 'enforced' | 'rejected' | 'overridden'): number =>
    from.reduce((total, part) => total + part[field], 0);
  return {
    key,
    uid,
    generation,
    applied: of(parts, 'applied'),
    enforced: of(current, 'enforced'),
    rejected: of(current, 'rejected'),
    overridden: of(parts, 'overridden'),
    refusals: current
      .flatMap(({ refusals }) => refusals)
      .sort((a, b) => compareText(a.proxy, b.proxy))
      .slice(0, maxRefusals),
  };
}

interface Known {
  readonly report: Report;
  readonly version: string;
  /** When it was last seen to change, by our own clock: clocks of replicas need not agree. */
  readonly movedAt: number;
}

/** A replica that says nothing for so long is not counted any more; it renews its report twice as often at least. */
export const reportLifeMs = 60_000;
/** A report that nobody has renewed for so long is removed. */
export const reportAbandonedMs = 300_000;

/** The reports of other replicas, as far as they are alive. */
export class Reports {
  readonly #known = new Map<string, Known>();

  /** `version`: any text that changes with every write. */
  put(name: string, version: string, report: Report, now: number): void {
    if (this.#known.get(name)?.version !== version) this.#known.set(name, { report, version, movedAt: now });
  }

  delete(name: string): void {
    this.#known.delete(name);
  }

  live(now: number): readonly Report[] {
    return [...this.#known.values()].filter(({ movedAt }) => now - movedAt < reportLifeMs).map(({ report }) => report);
  }

  abandoned(now: number): readonly string[] {
    return [...this.#known].filter(([, { movedAt }]) => now - movedAt >= reportAbandonedMs).map(([name]) => name);
  }
}
