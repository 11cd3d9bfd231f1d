import { readFileSync, writeFileSync } from 'node:fs';

/** What a process used since {@link UsageMeter.start}. */
export interface Usage {
  readonly cpuSeconds: number;
  /** Largest resident set, in bytes. */
  readonly peakRss: number;
  readonly rss: number;
  /** Time that the main thread could run and got no CPU: above some ms others use the machine, and times mean little. */
  readonly waitedMs: number;
}

/** Measures this process from inside, all threads included. */
export class UsageMeter {
  #start = process.cpuUsage();
  #waited = runDelayMs();

  start(): void {
    // Since Linux 2.6.22: sets the high-water mark of resident memory back to what is resident now (proc(5), clear_refs).
    writeFileSync('/proc/self/clear_refs', '5');
    this.#start = process.cpuUsage();
    this.#waited = runDelayMs();
  }

  read(): Usage {
    const { user, system } = process.cpuUsage(this.#start);
    const status = readFileSync('/proc/self/status', 'utf8');
    const bytes = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
    return {
      cpuSeconds: (user + system) / 1e6,
      peakRss: bytes('VmHWM'),
      rss: bytes('VmRSS'),
      waitedMs: runDelayMs() - this.#waited,
    };
  }
}

/** Second figure of /proc/<pid>/schedstat: ns spent waiting on a run queue (Linux, sched-stats). */
function runDelayMs(): number {
  return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1] ?? 0) / 1e6;
}
