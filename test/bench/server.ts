import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import type { SourceEvent } from '../../src/config/source.ts';
import { type ControlPlane, startControlPlane } from '../../src/runtime.ts';
import { readSettings } from '../../src/settings.ts';
import { benchObjects } from '../support/bench-edits.ts';
import { PushedSource } from '../support/bench-source.ts';
import type { WorldSize } from '../support/bench-world.ts';
import { serve } from './rpc.ts';
import { UsageMeter } from './usage.ts';

let plane: ControlPlane | undefined;
let source: PushedSource | undefined;
const meter = new UsageMeter();
const inspector = new Session();
const noCounters = { connected: 0, sentBytes: 0, sentResources: 0, receivedBytes: 0 } as const;

/** Waits until so many bytes of requests came; ns on the clock that all processes share. */
async function receivedAll(bytes: number): Promise<bigint> {
  while ((plane?.xds.counters().receivedBytes ?? 0) < bytes) await new Promise((resolve) => setTimeout(resolve, 1));
  return process.hrtime.bigint();
}

const methods = {
  /** Starts the real control plane: on a directory, or on a world that `apply` changes. Returns its plaintext port. */
  async start(options: { readonly stateDir: string; readonly configDir?: string; readonly size: WorldSize }) {
    const { stateDir, configDir = stateDir, size } = options;
    const any = '127.0.0.1:0';
    const flags = { config: configDir, state: stateDir, xds: any, xdsInsecure: any, admin: any };
    if (options.configDir === undefined) source = new PushedSource(benchObjects(size).objects);
    plane = await startControlPlane(await readSettings(flags, {}), source === undefined ? {} : { source });
    return plane.insecurePort ?? 0;
  },
  measure: () => {
    meter.start();
    return process.hrtime.bigint();
  },
  /** Measures from here on, and changes the configuration. */
  apply: (batch: readonly SourceEvent[]) => {
    meter.start();
    const at = process.hrtime.bigint();
    source?.push(batch);
    return at;
  },
  usage: () => meter.read(),
  received: () => plane?.xds.counters().receivedBytes ?? 0,
  receivedAll: (bytes: number) => receivedAll(bytes),
  counters: () => {
    const { connected, sentBytes, sentResources, receivedBytes } = plane?.xds.counters() ?? noCounters;
    return { connected, sentBytes, sentResources, receivedBytes };
  },
  /** Hands all clients over to whoever takes them, as a control plane that is told to stop does. */
  async drain(graceMs: number) {
    await plane?.xds.drain(graceMs);
    return process.hrtime.bigint();
  },
  async allGone() {
    while ((plane?.xds.counters().connected ?? 0) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  },
  async profile() {
    inspector.connect();
    await inspector.post('Profiler.enable');
    await inspector.post('Profiler.setSamplingInterval', { interval: 200 });
    await inspector.post('Profiler.start');
  },
  async saveProfile(path: string) {
    const { profile } = await inspector.post('Profiler.stop');
    await writeFile(path, JSON.stringify(profile));
    inspector.disconnect();
  },
} as const;

/** What the bench asks of the control plane's process. */
export type ServerMethods = typeof methods;

serve(methods);
