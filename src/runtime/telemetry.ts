import type { ShadowQuery, ShadowReport, ShadowTotals } from '../admin/shadow-report.ts';
import type { MountedService } from '../lib/grpc.ts';
import type { Surroundings } from '../lib/surroundings.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { AccessLogService } from '../telemetry/access-log-service.ts';
import { Collector, type UnknownKey } from '../telemetry/collector.ts';
import { shadowReport } from '../telemetry/shadow-report.ts';
import type { Authenticator } from '../xds/provider.ts';
import { checkRegistry } from './config-provider.ts';

/** What sidecars tell, and what is made of it. */
export interface Telemetry extends Disposable {
  /** Mounted beside xDS: sidecars reach both by one cluster. */
  readonly service: MountedService;
  /** Policies may have changed: since when each has its content is known from now on. */
  changed(): void;
  /** Lets go of the clients, so that they find another replica. */
  leave(): void;
  report(query: ShadowQuery): ShadowReport;
  totals(): ShadowTotals;
}

/** What telemetry stands on. */
export interface TelemetryParts extends Surroundings {
  readonly snapshot: () => Snapshot;
  readonly authenticator: Authenticator;
  readonly maxAgeMs: number;
  /** Hears of a workload that got a token whose key nobody knows. */
  readonly reportUnknownKey: (workload: UnknownKey) => void;
}

const sweepMs = 60_000;

/** Joins the service that takes logs with the counts that are made of them. */
export function startTelemetry(parts: TelemetryParts): Telemetry {
  const { snapshot, clock, log, random, authenticator, maxAgeMs, reportUnknownKey } = parts;
  const collector = new Collector({ snapshot, clock, reportUnknownKey });
  const logs = new AccessLogService({
    collector,
    authenticator,
    check: (proxy) => checkRegistry(proxy, snapshot()),
    clock,
    log,
    random,
    maxAgeMs,
  });
  let timer = clock.after(sweepMs, sweep);
  function sweep(): void {
    collector.sweep();
    timer = clock.after(sweepMs, sweep);
  }
  return {
    service: logs.service,
    changed: () => collector.follow(),
    leave: () => logs.leave(),
    report: (query) => shadowReport(collector, snapshot(), query),
    totals: () => ({ ...collector.tally.totals, keys: collector.ledger.size, streams: logs.streams }),
    [Symbol.dispose]() {
      timer[Symbol.dispose]();
      logs[Symbol.dispose]();
    },
  };
}
