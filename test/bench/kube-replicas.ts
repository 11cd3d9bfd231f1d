import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorldSize } from '../support/bench-world.ts';
import type { ClientMethods } from './clients.ts';
import { median } from './figures.ts';
import type { Section } from './kube-section.ts';
import { bytes, ms, seconds } from './report.ts';
import { Child } from './rpc.ts';
import type { ServerMethods } from './server.ts';

interface Move {
  readonly moved: number;
  /** What the first replica had sent for the first connect of all. */
  readonly firstBytes: number;
  /** What the second one sent: nothing, as it should be. */
  readonly bytes: number;
  readonly resources: number;
  /** What it read. */
  readonly requestBytes: number;
  /** From the start of the drain until the first replica was empty, and until the second had read the last request. */
  readonly emptyMs: number;
  readonly thereMs: number;
  readonly cpuSeconds: number;
}

const serverFlags = ['--max-semi-space-size=16'];
const serverEnv = { MALLOC_TRIM_THRESHOLD_: '131072' };
/** As on Kubernetes (runtime/kubernetes-ground.ts). */
const drainMs = 15_000;

/** All clients of a replica that leaves go to another one, with what they hold. */
export async function replicas(size: WorldSize, runs: number, progress: (text: string) => void): Promise<Section> {
  const moves: Move[] = [];
  for (let run = 0; run < runs; run++) {
    moves.push(await move(size));
    progress(`move ${run + 1} of ${runs}`);
  }
  return section(moves, size);
}

async function move(size: WorldSize): Promise<Move> {
  const count = size.services * size.podsPerService;
  const stateDir = mkdtempSync(join(tmpdir(), 'coxswain-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(stateDir, { recursive: true, force: true }));
  const clients = stack.use(new Child<ClientMethods>('./clients.ts', ['--max-semi-space-size=64']));
  const start = async (): Promise<readonly [Child<ServerMethods>, number]> => {
    const server = stack.use(new Child<ServerMethods>('./server.ts', serverFlags, serverEnv));
    return [server, await server.call('start', { stateDir, size })];
  };
  const [first, firstPort] = await start();
  const [second, secondPort] = await start();
  await clients.call('open', size);
  await clients.call('mark');
  await clients.call('connect', firstPort);
  await clients.call('settled', { quietMs: 500, ready: true, touched: count });
  const { sentBytes: firstBytes } = await first.call('counters');

  await clients.call('mark');
  await clients.call('follow', secondPort);
  const began = await second.call('measure');
  const empty = await first.call('drain', drainMs);
  let { clients: moved } = await clients.call('moved');
  for (const end = performance.now() + 10_000; moved < count && performance.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    ({ clients: moved } = await clients.call('moved'));
  }
  const { sentBytes: requestBytes } = await clients.call('received');
  const there = await second.call('receivedAll', requestBytes);
  const { cpuSeconds } = await second.call('usage');
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { sentBytes, sentResources } = await second.call('counters');
  return {
    moved,
    firstBytes,
    bytes: sentBytes,
    resources: sentResources,
    requestBytes,
    emptyMs: Number(empty - began) / 1e6,
    thereMs: Number(there - began) / 1e6,
    cpuSeconds,
  };
}

const columns = [
  'replicas',
  'moved',
  'resources sent',
  'bytes sent',
  'bytes read',
  'first empty',
  'all there',
  'second CPU',
  'first connect was',
];

function section(moves: readonly Move[], size: WorldSize): Section {
  const count = size.services * size.podsPerService;
  const of = (pick: (move: Move) => number): number => median(moves.map(pick));
  const most = (pick: (move: Move) => number): number => Math.max(...moves.map(pick));
  const least = Math.min(...moves.map(({ moved }) => moved));
  const resources = most((each) => each.resources);
  return {
    id: 'replicas',
    title: `one of two replicas drains, and its ${count} clients go to the other, medians of ${moves.length} runs`,
    columns,
    cells: [
      [
        `${count} delta ADS clients`,
        `${least} (= ${count}) ${least === count ? '✓' : '✗'}`,
        `${resources} (= 0) ${resources === 0 ? '✓' : '✗'}`,
        bytes(most((each) => each.bytes)),
        bytes(most((each) => each.requestBytes)),
        ms(of((each) => each.emptyMs)),
        ms(of((each) => each.thereMs)),
        seconds(of((each) => each.cpuSeconds)),
        bytes(most((each) => each.firstBytes)),
      ],
    ],
    notes: [
      'a drain is spread on purpose, a hundred clients a second: the time says that it is kept, not how fast it could be',
    ],
    figures: moves,
  };
}
