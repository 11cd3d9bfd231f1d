/** What one run of a scenario took. */
export interface Run {
  readonly touched: number;
  readonly bytes: number;
  readonly messages: number;
  readonly resources: Readonly<Record<string, number>>;
  readonly cpuSeconds: number;
  readonly lastAckMs: number;
  readonly peakRss: number;
  readonly clientCpuSeconds: number;
  /** How long the server and the clients together waited for a CPU. */
  readonly waitedMs: number;
}

/** What a bare gRPC server took for the same bytes. */
export interface Floor {
  readonly cpuSeconds: number;
  readonly lastAckMs: number;
}

/** What must be reached; a missing figure has no goal. */
export interface Goal {
  readonly touched?: number;
  readonly bytes?: number;
  readonly cpuSeconds?: number;
  readonly lastAckMs?: number;
  readonly lagP50Ms?: number;
  readonly lagMaxMs?: number;
  readonly rss?: number;
}

/** One row of the bench's table. Times are medians; touched and bytes the largest of all runs. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly goal: Goal;
  readonly runs: number;
  readonly figures: Partial<Run> & { readonly lagP50Ms?: number; readonly lagMaxMs?: number; readonly rss?: number };
  readonly floor?: Floor;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}

/** The run that stands for all of them. */
export function summary(runs: readonly Run[]): Run {
  const of = (pick: (run: Run) => number): number => median(runs.map(pick));
  const most = (pick: (run: Run) => number): number => Math.max(...runs.map(pick));
  return {
    touched: most(({ touched }) => touched),
    bytes: most(({ bytes }) => bytes),
    messages: most(({ messages }) => messages),
    resources: runs[0]?.resources ?? {},
    cpuSeconds: of(({ cpuSeconds }) => cpuSeconds),
    lastAckMs: of(({ lastAckMs }) => lastAckMs),
    peakRss: most(({ peakRss }) => peakRss),
    clientCpuSeconds: of(({ clientCpuSeconds }) => clientCpuSeconds),
    waitedMs: of(({ waitedMs }) => waitedMs),
  };
}

/** By linear interpolation between the two nearest values; `share` is from 0 to 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [below = 0, above = below] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}
