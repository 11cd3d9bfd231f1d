import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import type { KubeClient, KubeRequest } from '../../../src/kube/client.ts';
import { type Duty, together } from '../../../src/kube/duty.ts';
import { type Leadership, lead } from '../../../src/kube/leader.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { silentLogger } from '../../../src/lib/log.ts';

const path = '/apis/coordination.k8s.io/v1/namespaces/istio-system/leases';

interface LeaseSpec {
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
}

/** One Lease, as an API server keeps it. */
class LeaseServer {
  version = 0;
  spec: LeaseSpec | undefined;
  writes = 0;

  handle(method: string, at: string, body: unknown): unknown {
    if (method === 'GET') {
      if (this.spec === undefined) throw new MeshError('not-found', 'no such lease');
      expect(at).to.equal(`${path}/coxswain-leader`);
      return this.#object();
    }
    const sent = body as { readonly metadata: { readonly resourceVersion?: string }; readonly spec: LeaseSpec };
    if (method === 'POST') {
      expect(at).to.equal(path);
      if (this.spec !== undefined) throw new MeshError('conflict', 'exists');
    } else {
      if (this.spec === undefined) throw new MeshError('not-found', 'no such lease');
      if (sent.metadata.resourceVersion !== String(this.version)) throw new MeshError('conflict', 'changed');
    }
    this.spec = sent.spec;
    this.version += 1;
    this.writes += 1;
    return this.#object();
  }

  #object(): unknown {
    return { metadata: { name: 'coxswain-leader', resourceVersion: String(this.version) }, spec: this.spec };
  }
}

/** One replica: its own clock and its own connection, which can be cut. */
class Replica {
  readonly clock: FakeClock;
  readonly stop = new AbortController();
  readonly log: string[];
  readonly name: string;
  readonly leadership: Leadership;
  connection: 'up' | 'down' | 'answers-lost' = 'up';

  constructor(name: string, server: LeaseServer, log: string[], options: { duty?: Duty; now?: number } = {}) {
    this.clock = new FakeClock(options.now ?? 1_000_000);
    this.name = name;
    this.log = log;
    const client = {
      request: async (method: string, at: string, { body }: KubeRequest = {}) => {
        await setImmediate();
        if (this.connection === 'down') throw new MeshError('unavailable', 'no route to host');
        const answer = server.handle(method, at, structuredClone(body));
        if (this.connection === 'answers-lost') throw new MeshError('unavailable', 'connection reset');
        return structuredClone(answer);
      },
    } as unknown as KubeClient;
    const { clock } = this;
    this.leadership = lead(
      {
        client,
        clock,
        random: () => 0,
        log: silentLogger,
        namespace: 'istio-system',
        lease: 'coxswain-leader',
        identity: name,
      },
      this.stop.signal,
      options.duty ?? ((signal) => this.duty(signal)),
    );
  }

  async duty(signal: AbortSignal): Promise<void> {
    this.log.push(`${this.name} begins`);
    await aborted(signal);
    this.log.push(`${this.name} ends`);
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

/** Lets time pass for all, in steps, and checks at each that no two lead. */
async function pass(ms: number, ...replicas: readonly Replica[]): Promise<void> {
  for (let passed = 0; passed <= ms; passed += 100) {
    if (passed > 0) for (const replica of replicas) replica.clock.advance(100);
    for (let turn = 0; turn < 6; turn++) await setImmediate();
    expect(replicas.filter((each) => each.leadership.isLeader).length, 'leaders').to.be.at.most(1);
  }
}

async function stop(...replicas: readonly Replica[]): Promise<void> {
  for (const replica of replicas) {
    replica.stop.abort();
    await replica.leadership.done;
  }
}

describe('kube/leader', () => {
  let server: LeaseServer;
  let log: string[];

  beforeEach(() => {
    server = new LeaseServer();
    log = [];
  });

  it('makes the Lease, and renews it as long as it leads', async () => {
    const a = new Replica('a', server, log);
    await pass(0, a);
    const first = server.spec;
    expect(first?.holderIdentity).to.match(/^a_/);
    expect(first).to.deep.equal({
      holderIdentity: a.leadership.holder,
      leaseDurationSeconds: 15,
      acquireTime: '1970-01-01T00:16:40.000000Z',
      renewTime: '1970-01-01T00:16:40.000000Z',
      leaseTransitions: 0,
    });
    await pass(60_000, a);
    expect(server.spec).to.deep.equal({ ...first, renewTime: '1970-01-01T00:17:40.000000Z' });
    expect(server.writes).to.equal(31);
    expect(a.leadership.isLeader).to.equal(true);
    await stop(a);
  });

  it('lets one of several lead, and the next within a retry once it gives up', async () => {
    const replicas = ['a', 'b', 'c'].map((name) => new Replica(name, server, log));
    await pass(10_000, ...replicas);
    const leader = replicas.find((each) => each.leadership.isLeader);
    const others = replicas.filter((each) => each !== leader);
    if (leader === undefined) throw new Error('nobody leads');
    expect(log).to.deep.equal([`${leader.name} begins`]);
    expect(others.map((each) => each.leadership.holder)).to.deep.equal([
      server.spec?.holderIdentity,
      server.spec?.holderIdentity,
    ]);
    await stop(leader);
    expect(leader.leadership.isLeader).to.equal(false);
    await pass(2_000, ...others);
    expect(others.filter((each) => each.leadership.isLeader)).to.have.length(1);
    expect(log.slice(0, 2)).to.deep.equal([`${leader.name} begins`, `${leader.name} ends`]);
    expect(server.spec?.leaseTransitions).to.equal(1);
    await stop(...others);
  });

  it('ends the duty before the others may take over, where the leader is cut off', async () => {
    const a = new Replica('a', server, log);
    await pass(4_000, a);
    const b = new Replica('b', server, log);
    await pass(4_000, a, b);
    a.connection = 'down';
    await pass(8_000, a, b);
    expect(log).to.deep.equal(['a begins']);
    await pass(2_000, a, b);
    expect(log).to.deep.equal(['a begins', 'a ends']);
    await pass(8_000, a, b);
    expect(log).to.deep.equal(['a begins', 'a ends', 'b begins']);
    a.connection = 'up';
    await pass(20_000, a, b);
    expect([a.leadership.holder, a.leadership.isLeader]).to.deep.equal([b.leadership.holder, false]);
    await stop(a, b);
  });

  it('stays in office over a short outage', async () => {
    const a = new Replica('a', server, log);
    await pass(4_000, a);
    a.connection = 'down';
    await pass(7_000, a);
    a.connection = 'up';
    await pass(30_000, a);
    expect(log).to.deep.equal(['a begins']);
    await stop(a);
  });

  it('knows its own renewal again whose answer was lost', async () => {
    const a = new Replica('a', server, log);
    await pass(4_000, a);
    a.connection = 'answers-lost';
    await pass(4_000, a);
    a.connection = 'up';
    await pass(30_000, a);
    expect(log).to.deep.equal(['a begins']);
    await stop(a);
  });

  it('does not care for the clocks of others', async () => {
    const a = new Replica('a', server, log, { now: 5_000_000_000 });
    await pass(0, a);
    const b = new Replica('b', server, log, { now: 0 });
    const c = new Replica('c', server, log, { now: 9_000_000_000 });
    await pass(60_000, a, b, c);
    expect(log).to.deep.equal(['a begins']);
    await stop(a, b, c);
  });

  it('waits for the whole lease of a leader that was killed, counted from when it was seen', async () => {
    const spec = { holderIdentity: 'dead', leaseDurationSeconds: 15, leaseTransitions: 3 };
    server.spec = { ...spec, acquireTime: '2020-01-01T00:00:00.000000Z', renewTime: '2020-01-01T00:00:00.000000Z' };
    const b = new Replica('b', server, log);
    await pass(14_900, b);
    expect([b.leadership.isLeader, b.leadership.holder]).to.deep.equal([false, 'dead']);
    await pass(2_100, b);
    expect(b.leadership.isLeader).to.equal(true);
    expect(server.spec?.leaseTransitions).to.equal(4);
    await stop(b);
  });

  it('honours a longer lease than its own', async () => {
    const spec = { holderIdentity: 'dead', leaseDurationSeconds: 60, leaseTransitions: 0 };
    server.spec = { ...spec, acquireTime: '2020-01-01T00:00:00.000000Z', renewTime: '2020-01-01T00:00:00.000000Z' };
    const b = new Replica('b', server, log);
    await pass(59_900, b);
    expect(b.leadership.isLeader).to.equal(false);
    await pass(2_100, b);
    expect(b.leadership.isLeader).to.equal(true);
    await stop(b);
  });

  it('steps down where somebody else took the lease, or deleted it', async () => {
    const a = new Replica('a', server, log);
    await pass(1_000, a);
    if (server.spec === undefined) throw new Error('no lease');
    server.spec = { ...server.spec, holderIdentity: 'thief' };
    server.version += 1;
    await pass(2_000, a);
    expect([log, a.leadership.isLeader, a.leadership.holder]).to.deep.equal([['a begins', 'a ends'], false, 'thief']);
    await pass(20_000, a);
    expect(log).to.deep.equal(['a begins', 'a ends', 'a begins']);
    server.spec = undefined;
    await pass(6_000, a);
    expect(log).to.deep.equal(['a begins', 'a ends', 'a begins', 'a ends', 'a begins']);
    await stop(a);
  });

  it('gives the lease back only once the duty has ended', async () => {
    const slow = Promise.withResolvers<void>();
    const a = new Replica('a', server, log, {
      duty: async (signal) => {
        await aborted(signal);
        await slow.promise;
      },
    });
    await pass(1_000, a);
    a.stop.abort();
    await pass(3_000, a);
    expect([a.leadership.isLeader, server.spec?.holderIdentity]).to.deep.equal([false, a.leadership.holder]);
    slow.resolve();
    await a.leadership.done;
    expect([server.spec?.holderIdentity, server.spec?.leaseDurationSeconds]).to.deep.equal(['', 1]);
  });

  it('leaves the lease alone on shutdown where it is not its own', async () => {
    const a = new Replica('a', server, log);
    await pass(1_000, a);
    const b = new Replica('b', server, log);
    await pass(1_000, a, b);
    await stop(b);
    expect(server.spec?.holderIdentity).to.equal(a.leadership.holder);
    await stop(a);
  });

  it('starts a duty again that failed, later each time, and only while it leads', async () => {
    const starts: number[] = [];
    const a = new Replica('a', server, log, {
      duty: async () => {
        starts.push(a.clock.now() - 1_000_000);
        throw new MeshError('unavailable', 'nope');
      },
    });
    await pass(10_000, a);
    expect(starts).to.deep.equal([0, 800, 2_400, 5_600]);
    await stop(a);
    await pass(30_000, a);
    expect(starts).to.have.length(4);
  });

  it('leads on where the duty is done', async () => {
    const a = new Replica('a', server, log, { duty: async () => void log.push('done') });
    await pass(30_000, a);
    expect([log, a.leadership.isLeader]).to.deep.equal([['done'], true]);
    await stop(a);
  });

  it('starts one of several duties again without the others', async () => {
    const options = { clock: new FakeClock(0), random: () => 0, log: silentLogger };
    const stopping = new AbortController();
    const duty = together(
      {
        works: (signal) => {
          log.push('works');
          return aborted(signal);
        },
        fails: async () => {
          log.push('fails');
          throw new Error('broken');
        },
      },
      options,
    );
    const ended = duty(stopping.signal);
    for (let turn = 0; turn < 10; turn++) {
      await setImmediate();
      options.clock.advance(200);
    }
    stopping.abort();
    await ended;
    expect(log).to.deep.equal(['works', 'fails', 'fails']);
  });
});
