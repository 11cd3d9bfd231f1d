import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchObjects, stormPolicy } from '../support/bench-edits.ts';
import { writeManifest, writeManifests } from '../support/bench-manifests.ts';
import type { Answer } from '../support/bench-pool.ts';
import { type Bench, figures } from './bench.ts';
import { median, type Row } from './figures.ts';

/** One write of the storm: when it began, and the clients that it is for. */
interface Write {
  readonly at: bigint;
  readonly clients: readonly number[];
}

const perSecond = 20;

/** The same numbers in every run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Random workload policies, written to the real watched directory: the lag of a write is from before the file is written
 * until the last of its clients has acknowledged.
 */
export async function storm(bench: Bench, seconds: number): Promise<Row> {
  const { size } = bench.options;
  const directory = mkdtempSync(join(tmpdir(), 'coxswain-bench-config-'));
  try {
    writeManifests(directory, benchObjects(size).objects);
    await bench.start(directory);
    await bench.connect();
    const random = randomOf(1);
    const writes: Write[] = [];
    await bench.clients.call('mark');
    const began = performance.now();
    await bench.server.call('measure');
    await bench.profiled('storm', async () => {
      for (let serial = 0; serial < perSecond * seconds; serial++) {
        const due = began + (serial * 1000) / perSecond;
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
        const policy = stormPolicy(serial, random, size);
        const service = Number(policy.meta.name.split('-')[1]);
        const first = service * size.podsPerService;
        const at = process.hrtime.bigint();
        writeManifest(directory, policy);
        writes.push({ at, clients: Array.from({ length: size.podsPerService }, (_, pod) => first + pod) });
      }
      await bench.clients.call('settled', { quietMs: 300 });
    });
    const [received, usage, client, answers] = await Promise.all([
      bench.clients.call('received'),
      bench.server.call('usage'),
      bench.clients.call('usage'),
      bench.clients.call('answers'),
    ]);
    const lags = lagsOf(writes, answers);
    const { lastAckMs: _, ...rest } = figures(received, 0, usage, client);
    return {
      id: 'storm',
      title: `${perSecond} workload policy writes a second, ${seconds} s, from files`,
      goal: { bytes: 2_000_000, cpuSeconds: 1, lagP50Ms: 15, lagMaxMs: 80 },
      runs: 1,
      figures: { ...rest, lagP50Ms: median(lags), lagMaxMs: Math.max(...lags) },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** For each write: until the slowest of its clients answered what came after it. */
function lagsOf(writes: readonly Write[], answers: readonly Answer[]): readonly number[] {
  const byClient = Map.groupBy(answers, ({ client }) => client);
  return writes.map(({ at, clients }) => {
    const answered = clients.map((client) => byClient.get(client)?.find((answer) => answer.at > at)?.at);
    if (answered.includes(undefined)) throw new Error('a write never reached its clients');
    return Math.max(...answered.map((end) => Number((end ?? 0n) - at) / 1e6));
  });
}
