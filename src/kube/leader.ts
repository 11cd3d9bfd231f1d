import { randomUUID } from 'node:crypto';
import { MeshError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { pauseQuietly } from '../lib/pause.ts';
import type { Surroundings } from '../lib/surroundings.ts';
import type { KubeClient, KubeMethod } from './client.ts';
import { type Duty, keepRunning } from './duty.ts';
import { ifFound } from './if-found.ts';
import { isKubeObject, type KubeObject } from './object.ts';

/** In ms. A holder stops `renewMs` after its last renewal; others wait `leaseMs`; the difference is what a duty has to end. */
export interface LeaseTiming {
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly retryMs: number;
}

const defaultTiming: LeaseTiming = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 };

export interface LeaderOptions extends Surroundings {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Name of the Lease. */
  readonly lease: string;
  /** Names this replica for people; made unique here, so that a process that starts again is another candidate. */
  readonly identity: string;
  readonly timing?: LeaseTiming;
}

/** How an election stands, now. */
export interface Leadership {
  /** Whether this process leads. */
  readonly isLeader: boolean;
  /** Who holds the lease as far as is known; '' for nobody. Begins with the replica's name. */
  readonly holder: string;
  /** Settles once the signal has aborted, the duty has ended and the lease is given back. Never rejects. */
  readonly done: Promise<void>;
}

/**
 * Takes part in the election on a Lease (coordination.k8s.io/v1) until `signal` aborts, and runs `duty` whenever this
 * process leads. The duty's signal aborts when the lease is lost, or could not be renewed in time: `leaseMs - renewMs`
 * before anybody else may take it. No clock of another machine is read: what counts is how long the Lease has stayed the
 * same while we looked at it, by a timer of ours that no change of the wall clock moves.
 */
export function lead(options: LeaderOptions, signal: AbortSignal, duty: Duty): Leadership {
  return new Election(options, signal, duty);
}

/** One stay in office. `signal` aborts when it is over. */
interface Term {
  readonly signal: AbortSignal;
  end(reason: string): void;
  /** Ends it `renewMs` after the last renewal was sent; each renewal puts another one in its place. */
  deadline: Disposable;
}

class Election implements Leadership {
  readonly done: Promise<void>;
  readonly #options: LeaderOptions;
  readonly #timing: LeaseTiming;
  readonly #identity: string;
  readonly #log: Logger;
  readonly #collection: string;
  readonly #path: string;
  /** Not aborted while this process leads. */
  #office: AbortSignal | undefined;
  /** As it was last read or written. */
  #lease: KubeObject | undefined;
  #holder = '';
  /** Whether the lease stayed the same for as long as its holder asked for. */
  #expired = false;
  #expiry: Disposable | undefined;
  #problem = '';

  constructor(options: LeaderOptions, signal: AbortSignal, duty: Duty) {
    this.#options = options;
    this.#timing = options.timing ?? defaultTiming;
    this.#identity = `${options.identity}_${randomUUID()}`;
    this.#log = options.log.child({ lease: options.lease });
    this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${options.namespace}/leases`;
    this.#path = `${this.#collection}/${options.lease}`;
    this.done = this.#run(signal, duty);
  }

  get isLeader(): boolean {
    return this.#office?.aborted === false;
  }

  get holder(): string {
    return this.#holder;
  }

  async #run(signal: AbortSignal, duty: Duty): Promise<void> {
    while (!signal.aborted) {
      const term = await this.#campaign(signal);
      if (term === undefined) continue;
      await this.#serve(term, signal, duty);
    }
    this.#expiry?.[Symbol.dispose]();
  }

  /** One try to get the lease; after a vain one, a wait. */
  async #campaign(signal: AbortSignal): Promise<Term | undefined> {
    const { clock, random } = this.#options;
    const term = this.#newTerm();
    if (await this.#attempt(() => this.#acquire())) {
      if (!term.signal.aborted && !signal.aborted) return term;
      // Taken too late, or for nobody: it is given back, or taken again by the next try.
      if (signal.aborted) await this.#attempt(() => this.#release());
    }
    term.deadline[Symbol.dispose]();
    await pauseQuietly(clock, this.#timing.retryMs * (1 + random() / 2), signal);
    return undefined;
  }

  async #serve(term: Term, signal: AbortSignal, duty: Duty): Promise<void> {
    const { clock } = this.#options;
    const stop = AbortSignal.any([term.signal, signal]);
    this.#office = stop;
    this.#log.info({ identity: this.#identity }, 'this replica leads');
    const renewing = this.#keepRenewing(term, stop);
    let slow: Disposable | undefined;
    stop.addEventListener('abort', () => {
      const graceMs = this.#timing.leaseMs - this.#timing.renewMs;
      slow = clock.after(graceMs, () => this.#log.error({ graceMs }, 'a duty of the leader goes on after its term'));
    });
    await keepRunning(duty, { ...this.#options, log: this.#log }, stop);
    await renewing;
    slow?.[Symbol.dispose]();
    term.deadline[Symbol.dispose]();
    if (term.signal.aborted) this.#log.warn({ reason: String(term.signal.reason) }, 'this replica leads no more');
    else if (await this.#attempt(() => this.#release())) this.#log.info({}, 'the lease is given back');
  }

  #newTerm(): Term {
    const controller = new AbortController();
    const end = (reason: string): void => controller.abort(reason);
    return { signal: controller.signal, end, deadline: this.#deadline(end) };
  }

  /** Started before a request is sent, so that it ends before anybody who sees the result may think the lease over. */
  #deadline(end: (reason: string) => void): Disposable {
    return this.#options.clock.after(this.#timing.renewMs, () => end('the lease could not be renewed in time'));
  }

  async #keepRenewing(term: Term, stop: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await pauseQuietly(clock, this.#timing.retryMs, stop);
      if (stop.aborted) return;
      const deadline = this.#deadline(term.end);
      const renewed = await this.#attempt(() => this.#renew(term));
      const over = renewed ? term.deadline : deadline;
      over[Symbol.dispose]();
      if (renewed) term.deadline = deadline;
    }
  }

  /** False where it failed, which is logged once for as long as the reason stays the same. */
  async #attempt(step: () => Promise<boolean>): Promise<boolean> {
    try {
      const result = await step();
      this.#problem = '';
      return result;
    } catch (thrown) {
      const { code, message } = MeshError.from(thrown);
      if (code === 'conflict') return false; // somebody else was faster: not a problem
      if (this.#problem !== code) this.#log.warn({ code, error: message }, 'the lease can not be read or written');
      this.#problem = code;
      return false;
    }
  }

  async #acquire(): Promise<boolean> {
    const lease = await ifFound(this.#ask('GET', this.#path));
    if (lease === undefined) {
      const metadata = { name: this.#options.lease, namespace: this.#options.namespace };
      const fresh = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata };
      this.#observe(await this.#ask('POST', this.#collection, this.#held(fresh)));
      return true;
    }
    this.#observe(lease);
    if (this.#holder !== '' && this.#holder !== this.#identity && !this.#expired) return false;
    this.#observe(await this.#ask('PUT', this.#path, this.#held(lease)));
    return true;
  }

  /** Also after an answer that got lost, which leaves us with an old version. Ends the term where the lease is not ours. */
  async #renew(term: Term): Promise<boolean> {
    try {
      if (this.#lease !== undefined) {
        this.#observe(await this.#ask('PUT', this.#path, this.#held(this.#lease)));
        return true;
      }
    } catch (thrown) {
      const { code } = MeshError.from(thrown);
      if (code === 'not-found') term.end('the lease was deleted');
      if (code !== 'conflict') throw thrown;
    }
    const lease = await this.#ask('GET', this.#path);
    this.#observe(lease);
    if (this.#holder !== this.#identity) {
      term.end(`the lease was taken by ${this.#holder || 'nobody'}`);
      return false;
    }
    this.#observe(await this.#ask('PUT', this.#path, this.#held(lease)));
    return true;
  }

  /** Lets the next one take over without waiting. */
  async #release(): Promise<boolean> {
    const lease = await this.#ask('GET', this.#path);
    if (specOf(lease).holderIdentity !== this.#identity) return false;
    const spec = { ...specOf(lease), holderIdentity: '', leaseDurationSeconds: 1, renewTime: this.#now() };
    this.#observe(await this.#ask('PUT', this.#path, { ...lease, spec }));
    return true;
  }

  /** The lease as it is when we hold it. */
  #held(lease: object): object {
    const spec = specOf(lease);
    const ours = spec.holderIdentity === this.#identity;
    return {
      ...lease,
      spec: {
        ...spec,
        holderIdentity: this.#identity,
        leaseDurationSeconds: Math.max(1, Math.ceil(this.#timing.leaseMs / 1_000)),
        acquireTime: ours ? spec.acquireTime : this.#now(),
        renewTime: this.#now(),
        leaseTransitions: ours ? spec.leaseTransitions : (spec.leaseTransitions ?? -1) + 1,
      },
    };
  }

  #observe(lease: KubeObject): void {
    const same = JSON.stringify(this.#lease?.['spec']) === JSON.stringify(lease['spec']);
    this.#lease = lease;
    if (same) return;
    const { holderIdentity = '', leaseDurationSeconds = 0 } = specOf(lease);
    if (holderIdentity !== this.#holder) this.#log.debug({ holder: holderIdentity }, 'the lease has another holder');
    this.#holder = holderIdentity;
    this.#expired = false;
    this.#expiry?.[Symbol.dispose]();
    const durationMs = leaseDurationSeconds > 0 ? leaseDurationSeconds * 1_000 : this.#timing.leaseMs;
    this.#expiry = this.#options.clock.after(durationMs, () => {
      this.#expired = true;
    });
  }

  /** Never cut short: of a write that was, nobody knows whether it happened. */
  async #ask(method: KubeMethod, path: string, body?: object): Promise<KubeObject> {
    const timeoutMs = Math.ceil(this.#timing.renewMs / 2);
    const answer = await this.#options.client.request(method, path, { timeoutMs, ...(body && { body }) });
    if (isKubeObject(answer)) return answer;
    throw new MeshError('unavailable', `the answer to ${path} is no Lease`);
  }

  /** A MicroTime, for people: nobody compares it. */
  #now(): string {
    return new Date(this.#options.clock.now()).toISOString().replace('Z', '000Z');
  }
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly leaseTransitions?: number;
}

function specOf(lease: object): LeaseSpec {
  const spec = 'spec' in lease ? lease.spec : undefined;
  return typeof spec === 'object' && spec !== null ? spec : {};
}
