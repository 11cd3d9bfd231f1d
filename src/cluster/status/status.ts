import { isDeepStrictEqual } from 'node:util';
import type { Finding } from '../../model/finding.ts';
import { Coalescer, type CoalescerTiming } from './coalescer.ts';
import { Enforcement } from './enforcement.ts';
import type { Spread, StatusSources } from './facts.ts';
import { Leading } from './leading.ts';
import { joined, proxiesOf } from './proxies.ts';
import { Reporter, type ReporterOptions } from './report.ts';
import { Standings } from './standing.ts';

export interface StatusOptions extends ReporterOptions {
  readonly sources: StatusSources;
}

/** The status of what the mesh is configured by, on one replica. Dispose to end it and to take this replica's report away. */
export interface Status extends AsyncDisposable {
  /** The snapshot or the findings may be others now. Cheap: call it after every batch of events, also one that only has findings. */
  configurationChanged(): void;
  /** What a proxy holds may be another thing now. Cheap: `XdsServerOptions.moved`. */
  streamsMoved(): void;
  /** The leader's duty: writes conditions until `signal` aborts. */
  lead(signal: AbortSignal): Promise<void>;
}

const timing: CoalescerTiming = { quietMs: 100, maxMs: 500, gapMs: 500 };

/**
 * Starts to count on how many of this replica's proxies each policy holds, and to report it to the cluster
 * (product.md, "status"). Whatever happens among the proxies, they are looked at twice a second at most.
 */
export function startStatus(options: StatusOptions): Status {
  const { sources, clock } = options;
  const enforcement = new Enforcement();
  const reporter = new Reporter(options);
  const standings = new Standings();
  let spreads: ReadonlyMap<string, Spread> = new Map();
  let routers = '';
  let findings: ReadonlyMap<string, readonly Finding[]> = new Map();
  let leading: Leading | undefined;
  let stale = true;
  const look = (): void => {
    due.spent('look');
    const { proxies, nextAt } = joined(proxiesOf(sources.streams()), clock.now());
    if (nextAt !== undefined) due.later('look', nextAt);
    const snapshot = sources.snapshot();
    const views = [...sources.views()];
    const next = enforcement.spread({ snapshot, views, proxies });
    if (!isDeepStrictEqual(next, spreads)) {
      spreads = next;
      reporter.set(spreads);
    }
    if (leading === undefined) return;
    // What of a Gateway can't hold shows on the routers that have it.
    const now = views.flatMap(({ kind, id }) => (kind === 'router' ? [id] : [])).join('\n');
    if (stale || now !== routers) findings = byObject(sources.findings());
    routers = now;
    stale = false;
    leading.take({ spreads, standing: standings.of(snapshot), findings, hidden: sources.hidden() });
  };
  const due = new Coalescer<'look'>(clock, timing, look);
  due.touch('look');
  return {
    configurationChanged() {
      stale = true;
      due.touch('look');
    },
    streamsMoved: () => due.touch('look'),
    async lead(signal) {
      const mine = new Leading(options);
      leading = mine;
      stale = true;
      due.touch('look');
      try {
        await mine.run(signal);
      } finally {
        if (leading === mine) leading = undefined;
      }
    },
    async [Symbol.asyncDispose]() {
      due[Symbol.dispose]();
      await reporter[Symbol.asyncDispose]();
    },
  };
}

function byObject(findings: readonly Finding[]): ReadonlyMap<string, readonly Finding[]> {
  return Map.groupBy(
    findings.filter(({ object }) => object !== ''),
    ({ object }) => object,
  );
}
