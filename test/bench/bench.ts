import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EditScenario } from '../support/bench-edits.ts';
import type { Received } from '../support/bench-pool.ts';
import type { WorldSize } from '../support/bench-world.ts';
import type { ClientMethods } from './clients.ts';
import { type Floor, median, type Run } from './figures.ts';
import type { FloorMethods } from './floor.ts';
import { Child } from './rpc.ts';
import type { ServerMethods } from './server.ts';
import type { Usage } from './usage.ts';

/** How to measure. */
export interface BenchOptions {
  readonly size: WorldSize;
  readonly runs: number;
  /** Where CPU profiles of the server go; undefined: none are taken. */
  readonly profileDir: string | undefined;
}

/** After so long without a message a scenario is over. */
const quietMs = 250;

/** How `bin/coxswain` starts Node. */
const serverFlags = ['--max-semi-space-size=16'];
const serverEnv = { MALLOC_TRIM_THRESHOLD_: '131072' };

const since = (start: bigint, end: bigint): number => Number(end - start) / 1e6;

/** The three processes: the control plane, its clients, and a bare server; and how to measure one thing with them. */
export class Bench implements AsyncDisposable {
  readonly options: BenchOptions;
  readonly clients = new Child<ClientMethods>('./clients.ts', ['--max-semi-space-size=64']);
  readonly #floor = new Child<FloorMethods>('./floor.ts');
  #floorPort = 0;
  readonly #stateDir = mkdtempSync(join(tmpdir(), 'coxswain-bench-'));
  #server: Child<ServerMethods> | undefined;
  #port = 0;

  constructor(options: BenchOptions) {
    this.options = options;
  }

  get count(): number {
    return this.options.size.services * this.options.size.podsPerService;
  }

  get server(): Child<ServerMethods> {
    if (this.#server === undefined) throw new Error('no control plane runs');
    return this.#server;
  }

  /** A control plane in a new process; the one before ends. */
  async start(configDir?: string): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    await this.clients.call('open', this.options.size);
    this.#server = new Child<ServerMethods>('./server.ts', serverFlags, serverEnv);
    const directory = configDir === undefined ? {} : { configDir };
    this.#port = await this.#server.call('start', { stateDir: this.#stateDir, size: this.options.size, ...directory });
  }

  /** All clients connect at once, as newcomers. */
  async connect(): Promise<Run> {
    await this.clients.call('drop');
    await this.server.call('allGone');
    await this.clients.call('mark');
    const start = await this.server.call('measure');
    await this.clients.call('connect', this.#port);
    return await this.#run(start, await this.clients.call('settled', { quietMs, ready: true, touched: this.count }));
  }

  /** All clients come back at once, holding what they had. Nothing is sent, so the end is when the server has read everything. */
  async reconnect(): Promise<Run> {
    await this.clients.call('drop');
    await this.server.call('allGone');
    await this.clients.call('prepare');
    await this.clients.call('mark');
    const before = await this.server.call('received');
    const start = await this.server.call('measure');
    const sent = await this.clients.call('reconnect');
    const end = await this.server.call('receivedAll', before + sent);
    const [usage, received, client] = await Promise.all([
      this.server.call('usage'),
      this.clients.call('received'),
      this.clients.call('usage'),
    ]);
    await new Promise((resolve) => setTimeout(resolve, quietMs));
    return figures(received, since(start, end), usage, client);
  }

  /** One change, from the moment the control plane hears of it. */
  async edit(scenario: EditScenario, round: number): Promise<Run> {
    const touched = scenario.goal.touched === 'all' ? this.count : scenario.goal.touched;
    if (scenario.before !== undefined) {
      await this.clients.call('mark');
      await this.server.call('apply', scenario.before(round));
      await this.clients.call('settled', { quietMs, touched, timeoutMs: 20_000 });
    }
    await this.clients.call('mark');
    const start = await this.server.call('apply', scenario.edit(round));
    return await this.#run(start, await this.clients.call('settled', { quietMs, touched, timeoutMs: 20_000 }));
  }

  /** What a bare gRPC server needs for the bytes that the clients have just got. */
  async floor(how: 'connect' | 'push'): Promise<Floor> {
    const sizes = await this.clients.call('sizes');
    const messages = sizes.reduce((sum, each) => sum + each.length, 0);
    if (this.#floorPort === 0) this.#floorPort = await this.#floor.call('listen');
    await this.#floor.call('plan', { sizes, inTurns: how === 'connect' });
    const target = { port: this.#floorPort, clients: this.count };
    if (how === 'push') {
      await this.clients.call('floorConnect', target);
      while ((await this.#floor.call('streams')) < this.count) await new Promise((resolve) => setTimeout(resolve, 20));
      await new Promise((resolve) => setTimeout(resolve, quietMs));
    }
    const runs: Floor[] = [];
    for (let run = 0; run < this.options.runs; run++) {
      const start = await this.#floor.call(how === 'connect' ? 'measure' : 'writeAll');
      if (how === 'connect') await this.clients.call('floorConnect', target);
      const end = await this.clients.call('floorSettled', messages);
      await new Promise((resolve) => setTimeout(resolve, quietMs / 2));
      const { cpuSeconds } = await this.#floor.call('usage');
      runs.push({ cpuSeconds, lastAckMs: since(start, end) });
      if (how === 'connect') await this.clients.call('floorDrop');
    }
    await this.clients.call('floorDrop');
    return {
      cpuSeconds: median(runs.map(({ cpuSeconds }) => cpuSeconds)),
      lastAckMs: median(runs.map(({ lastAckMs }) => lastAckMs)),
    };
  }

  /** Takes a CPU profile of the server while `work` goes on, if profiles are wanted. */
  async profiled<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { profileDir } = this.options;
    if (profileDir === undefined) return await work();
    await this.server.call('profile');
    const result = await work();
    await this.server.call('saveProfile', join(profileDir, `${name}.cpuprofile`));
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clients[Symbol.asyncDispose]();
    await this.#server?.[Symbol.asyncDispose]();
    await this.#floor[Symbol.asyncDispose]();
    rmSync(this.#stateDir, { recursive: true, force: true });
  }

  async #run(start: bigint, received: Received): Promise<Run> {
    const [usage, client] = await Promise.all([this.server.call('usage'), this.clients.call('usage')]);
    return figures(received, since(start, received.lastAck), usage, client);
  }
}

/** One run, from what the clients got and what both sides used. */
export function figures(
  { touched, bytes, messages, resources }: Received,
  lastAckMs: number,
  server: Usage,
  client: Usage,
): Run {
  const { cpuSeconds, peakRss } = server;
  const waitedMs = server.waitedMs + client.waitedMs;
  const clientCpuSeconds = client.cpuSeconds;
  return { touched, bytes, messages, resources, lastAckMs, cpuSeconds, peakRss, clientCpuSeconds, waitedMs };
}
