import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { type KubeCluster, startKubeCluster } from '../../support/kube-cluster.ts';
import { eventually } from '../../support/sandbox.ts';

const timing = { leaseMs: 3_000, renewMs: 2_000, retryMs: 400 };

const module = (path: string): string => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);

/** What a candidate runs: says on stdout when its duty begins and ends, in ms of the machine's clock. */
const program = `
import { openKube } from ${module('kube/client.ts')};
import { lead } from ${module('kube/leader.ts')};
import { systemClock } from ${module('lib/clock.ts')};
import { silentLogger } from ${module('lib/log.ts')};
const [kubeconfig, identity] = process.argv.slice(1);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const say = (word) => process.stdout.write(word + ' ' + Date.now() + '\\n');
const options = { client: await openKube({ kubeconfig }), clock: systemClock, random: Math.random, log: silentLogger };
const alive = setInterval(() => undefined, 1_000);
await lead(
  { ...options, namespace: 'default', lease: 'coxswain-leader', identity, timing: ${JSON.stringify(timing)} },
  stop.signal,
  async (signal) => {
    say('begin');
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    say('end');
  },
).done;
clearInterval(alive);
options.client[Symbol.dispose]();
`;

interface Term {
  readonly who: string;
  readonly begin: number;
  /** Infinity while it lasts. */
  end: number;
}

class Candidate implements AsyncDisposable {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  constructor(kubeconfig: string, name: string, terms: Term[]) {
    this.name = name;
    this.#child = spawn(process.execPath, ['--input-type=module', '-e', program, kubeconfig, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#exited = new Promise((resolve) => this.#child.once('exit', () => resolve()));
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('no stdout');
    createInterface({ input: stdout }).on('line', (line) => {
      const [word, at] = line.split(' ');
      if (word === 'begin') terms.push({ who: name, begin: Number(at), end: Number.POSITIVE_INFINITY });
      const open = terms.find((each) => each.who === name && each.end === Number.POSITIVE_INFINITY);
      if (word === 'end' && open !== undefined) open.end = Number(at);
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.stop('SIGKILL');
  }
}

describe('integration: leader election', function () {
  this.timeout(120_000);
  let cluster: KubeCluster;

  before(async () => {
    cluster = await startKubeCluster();
  });
  after(() => cluster[Symbol.asyncDispose]());

  function start(stack: AsyncDisposableStack, terms: Term[]): Candidate[] {
    return ['a', 'b', 'c'].map((name) => stack.use(new Candidate(cluster.kubeconfig, name, terms)));
  }

  /** Who leads, once somebody does that isn't one of these. */
  const leader = (terms: readonly Term[], candidates: readonly Candidate[], not: readonly string[] = []) =>
    eventually(
      'somebody to lead',
      () => {
        const open = terms.filter((each) => each.end === Number.POSITIVE_INFINITY && !not.includes(each.who));
        return candidates.find((each) => open.some((term) => term.who === each.name));
      },
      20_000,
    );

  function expectOneAtATime(terms: readonly Term[]): void {
    const sorted = [...terms].sort((a, b) => a.begin - b.begin);
    sorted.slice(1).forEach((term, at) => {
      expect(term.begin, `${term.who} began before ${sorted[at]?.who} ended`).to.be.at.least(sorted[at]?.end ?? 0);
    });
  }

  it('has another one lead within the lease where the leader is killed', async () => {
    await using stack = new AsyncDisposableStack();
    const terms: Term[] = [];
    const candidates = start(stack, terms);
    const first = await leader(terms, candidates);
    await first.stop('SIGKILL');
    const killedAt = Date.now();
    const [dead] = terms;
    if (dead !== undefined) dead.end = killedAt;
    const second = await leader(terms, candidates, [first.name]);
    const took = (terms.at(-1)?.begin ?? 0) - killedAt;
    // The lease counts from the last renewal that was seen, some retries before the kill or after it on a busy machine.
    expect(took).to.be.within(timing.leaseMs - timing.renewMs, 2 * timing.leaseMs);
    expect(second.name).not.to.equal(first.name);
    expectOneAtATime(terms);
  });

  it('knows, when it was frozen and wakes up, that its time is over', async () => {
    await using stack = new AsyncDisposableStack();
    const terms: Term[] = [];
    const candidates = start(stack, terms);
    const first = await leader(terms, candidates);
    first.signal('SIGSTOP');
    const second = await leader(terms, candidates, [first.name]);
    first.signal('SIGCONT');
    const wokenAt = Date.now();
    const end = await eventually('the first one to give up', () => {
      const end = terms[0]?.end ?? Number.POSITIVE_INFINITY;
      return end < Number.POSITIVE_INFINITY ? end : undefined;
    });
    expect(end - wokenAt).to.be.below(timing.renewMs);
    // It stands for election again, and loses as long as the second one renews.
    const transitions = async (): Promise<unknown> => {
      const lease = await cluster.client.get('/apis/coordination.k8s.io/v1/namespaces/default/leases/coxswain-leader');
      return lease['spec'];
    };
    const before = (await transitions()) as { readonly leaseTransitions: number; readonly renewTime: string };
    await eventually('some renewals', async () => {
      const after = (await transitions()) as typeof before;
      expect(after.leaseTransitions).to.equal(before.leaseTransitions);
      return Date.parse(after.renewTime) - Date.parse(before.renewTime) > timing.leaseMs || undefined;
    });
    expect(terms.map(({ who }) => who)).to.deep.equal([first.name, second.name]);
  });

  it('hands over at once where the leader ends in order', async () => {
    await using stack = new AsyncDisposableStack();
    const terms: Term[] = [];
    const candidates = start(stack, terms);
    const first = await leader(terms, candidates);
    await first.stop('SIGTERM');
    await leader(terms, candidates, [first.name]);
    const [before, after] = terms;
    expect((after?.begin ?? 0) - (before?.end ?? 0)).to.be.within(0, timing.renewMs);
    expectOneAtATime(terms);
  });

  it('has nobody lead while the API server is down, and one again after that', async () => {
    await using stack = new AsyncDisposableStack();
    const terms: Term[] = [];
    const candidates = start(stack, terms);
    const first = await leader(terms, candidates);
    await cluster.killApiServer();
    const killedAt = Date.now();
    try {
      const over = (): true | undefined => terms.every((each) => each.end < Number.POSITIVE_INFINITY) || undefined;
      await eventually('the leader to give up', over);
      expect((terms[0]?.end ?? 0) - killedAt).to.be.below(timing.leaseMs);
    } finally {
      await cluster.startApiServer();
    }
    await leader(terms, candidates);
    expect(terms[0]?.who).to.equal(first.name);
    expectOneAtATime(terms);
  });
});
