// In a pod: asks one URL again and again, and says when the answer became another one.
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { median } from './figures.ts';
import { serve } from './rpc.ts';

/** `keep-alive`: every request on one connection; `connect`: a new connection for each. */
export type PollMode = 'keep-alive' | 'connect';

/** The first answer of the kind that was waited for. */
export interface Turn {
  /** When it had arrived: ns on the clock that all processes share. */
  readonly at: bigint;
  /** Answers of the other kind since the wait began. */
  readonly before: number;
}

/** How well the poller saw. */
export interface PollFigures {
  readonly answers: number;
  /** Connections that were used. */
  readonly connections: number;
  /** Median of the time from one answer to the next: nothing is measured more exactly. */
  readonly everyMs: number;
}

/** A CPU must be left for those who are measured. */
const pauseMs = 1;

let running: { stop: boolean; done: Promise<void> } | undefined;
let last = '';
let waiting: { readonly answer: string; before: number; readonly resolve: (turn: Turn) => void } | undefined;
let arrivals: number[] = [];
let connections = 0;

function came(answer: string): void {
  const at = process.hrtime.bigint();
  arrivals.push(performance.now());
  last = answer;
  if (waiting === undefined) return;
  if (waiting.answer === answer) {
    waiting.resolve({ at, before: waiting.before });
    waiting = undefined;
  } else {
    waiting.before += 1;
  }
}

/** The status, or the code of the error. */
function ask(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const request = get(url, { agent, timeout: 2_000 }, (response) => {
      response.on('end', () => resolve(String(response.statusCode)));
      response.on('error', () => resolve('cut'));
      response.resume();
    });
    request.on('timeout', () => request.destroy());
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'cut'));
  });
}

async function poll(url: string, mode: PollMode, run: { readonly stop: boolean }): Promise<void> {
  const agent = new Agent({ keepAlive: mode === 'keep-alive', maxSockets: 1 });
  agent.createConnection = (options, connected) => {
    connections += 1;
    const socket = connect({ host: options.host ?? '', port: Number(options.port), noDelay: true });
    connected?.(null, socket);
    return socket;
  };
  while (!run.stop) {
    came(await ask(url, agent));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  agent.destroy();
}

const methods = {
  start({ url, mode }: { readonly url: string; readonly mode: PollMode }) {
    arrivals = [];
    connections = 0;
    const run = { stop: false, done: Promise.resolve() };
    run.done = poll(url, mode, run);
    running = run;
  },
  /** Resolves with the next answer of that kind. */
  until: (answer: string) =>
    new Promise<Turn>((resolve) => {
      waiting = { answer, before: 0, resolve };
    }),
  last: () => last,
  async stop(): Promise<PollFigures> {
    if (running !== undefined) running.stop = true;
    await running?.done;
    const gaps = arrivals.slice(1).map((at, index) => at - (arrivals[index] ?? at));
    return { answers: arrivals.length, connections, everyMs: median(gaps) };
  },
} as const;

/** What the bench asks of the process in a pod. */
export type PollerMethods = typeof methods;

serve(methods);
