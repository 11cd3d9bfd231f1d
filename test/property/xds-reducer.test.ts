import { expect } from 'chai';
import fc from 'fast-check';
import type { TypeUrl } from '../../src/model/ids.ts';
import { types } from '../../src/model/type-urls.ts';
import type { Mode } from '../../src/xds/encode.ts';
import { findResource, type Layers } from '../../src/xds/layers.ts';
import { isFull } from '../../src/xds/sotw-full.ts';
import type { Payload, TypeState } from '../../src/xds/state.ts';
import { step } from '../../src/xds/step.ts';
import type { StreamInput, StreamOutput } from '../../src/xds/step-types.ts';
import { covers } from '../../src/xds/subscription.ts';
import { layer, stepEnv } from '../support/xds-resources.ts';
import { versionsOf } from '../support/xds-versions.ts';

const names = ['80/a', '80/b', '81/a', 'c', 'd'];
const pick = fc.subarray(names);
const versions = fc.dictionary(fc.constantFrom(...names), fc.constantFrom('1', '2', '3'), { maxKeys: 5 });

type Action =
  | { readonly kind: 'change'; readonly shared: Record<string, string>; readonly own: Record<string, string> }
  | { readonly kind: 'subscribe'; readonly names: readonly string[] }
  | { readonly kind: 'unsubscribe'; readonly names: readonly string[] }
  | { readonly kind: 'answer' }
  | { readonly kind: 'pull' }
  | { readonly kind: 'refresh'; readonly names: readonly string[] }
  | { readonly kind: 'reconnect' };

const subscribable = fc.subarray([...names, '80', '*', 'nowhere']);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('change' as const), shared: versions, own: versions }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('subscribe' as const), names: subscribable }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unsubscribe' as const), names: subscribable }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'answer' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'pull' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refresh' as const), names: pick }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reconnect' as const }) },
);

/** What one client does with what it gets; it refuses some versions of some resources. */
class World {
  readonly type: TypeUrl;
  readonly mode: Mode;
  readonly bad: ReadonlySet<string>;
  readonly parked = new Set<string>();
  readonly env = stepEnv({ size: 1, has: (name, version) => this.parked.has(`${name}@${version}`) });
  layers: Layers = [layer(types.cluster, 'shared', {}), layer(types.cluster, 'own', {})];
  state: TypeState | undefined;
  held = new Map<string, string>();
  wanted = new Set<string>();
  told = new Set<string>();
  flying: Payload | undefined;
  lastNonce = '';
  refused = new Set<string>();

  constructor(type: TypeUrl, mode: Mode, bad: readonly string[]) {
    this.type = type;
    this.mode = mode;
    this.bad = new Set(bad);
  }

  run(each: Action): void {
    switch (each.kind) {
      case 'change': {
        // Names of layers never overlap.
        const own = Object.fromEntries(Object.entries(each.own).filter(([name]) => !(name in each.shared)));
        this.layers = [layer(this.type, 'shared', each.shared), layer(this.type, 'own', own)];
        return;
      }
      case 'subscribe':
        this.#want(each.names, []);
        return;
      case 'unsubscribe':
        this.#want([], each.names);
        return;
      case 'answer':
        this.answer();
        return;
      case 'pull':
        this.pull();
        return;
      case 'refresh':
        this.#input({ kind: 'refresh', names: each.names });
        return;
      case 'reconnect':
        this.#reconnect();
        return;
    }
  }

  answer(): void {
    const payload = this.flying;
    if (payload === undefined) {
      return;
    }
    this.flying = undefined;
    const { resources, removed } = payload.content;
    const refused = resources.filter((each) => this.bad.has(`${each.name}@${each.version}`));
    if (refused.length === 0 || !isFull({ type: this.type, mode: this.mode })) {
      // As Envoy does: the good ones of a bad response are taken.
      if (isFull({ type: this.type, mode: this.mode })) {
        this.held.clear();
      }
      for (const each of resources.filter((one) => !refused.includes(one))) {
        this.held.set(each.name, each.version);
      }
      for (const name of removed) {
        this.held.delete(name);
        this.told.add(name);
      }
      this.#forgetUnwanted();
    }
    const error = refused.length === 0 ? undefined : { code: 13, message: `bad: ${refused[0]?.name}` };
    if (error !== undefined) {
      this.refused.add(words(payload));
    }
    this.#request([], [], payload.nonce, error);
  }

  pull(): void {
    this.#input({ kind: 'pull', layers: this.layers, pass: 'updates' });
    this.#input({ kind: 'pull', layers: this.layers, pass: 'rest' });
  }

  settle(): void {
    for (let round = 0; round < 200; round++) {
      this.pull();
      if (this.flying === undefined) {
        return;
      }
      this.answer();
    }
    throw new Error('never quiet');
  }

  check(): void {
    for (const name of names) {
      const current = findResource(this.layers, name);
      const covered = this.#covers(name);
      if (covered && current !== undefined && !this.#isBad(name, current.version)) {
        expect(this.held.get(name), name).to.equal(current.version);
      }
      if (this.mode === 'delta' && covered && current === undefined && this.type !== types.extension) {
        expect(this.held.has(name), `${name} is gone`).to.equal(false);
      }
      expect(this.bad.has(`${name}@${this.held.get(name)}`), `${name} is bad`).to.equal(false);
    }
    expect(this.state?.retry ?? []).to.deep.equal([]);
  }

  /** In a full response everything is as bad as its worst part. */
  #isBad(name: string, version: string): boolean {
    if (!isFull({ type: this.type, mode: this.mode })) {
      return this.bad.has(`${name}@${version}`);
    }
    return this.layers.some((each) =>
      [...each.resources.values()].some((one) => this.#covers(one.name) && this.bad.has(`${one.name}@${one.version}`)),
    );
  }

  #covers(name: string): boolean {
    const subscription = { wildcard: this.wanted.has('*'), names: this.env.sets.of(this.wanted) };
    return covers(subscription, this.type, name);
  }

  #want(add: readonly string[], remove: readonly string[]): void {
    const before = this.wanted;
    if (add.length > 0) {
      this.refused.clear(); // What is asked for again is sent again.
    }
    const dropped = remove.filter((name) => before.has(name) && !add.includes(name));
    this.wanted = new Set([...before, ...add].filter((name) => !dropped.includes(name)));
    // A delta client forgets what it unsubscribes from, even under a wildcard.
    for (const name of this.mode === 'delta' ? dropped : []) {
      this.held.delete(name);
    }
    this.#forgetUnwanted();
    if (this.mode === 'sotw' && this.wanted.size === 0 && before.size === 0) {
      return; // To say it again would ask for everything (legacy wildcard).
    }
    this.#request(add, dropped, this.mode === 'delta' ? '' : this.lastNonce, undefined);
  }

  #forgetUnwanted(): void {
    for (const name of this.held.keys()) {
      if (!this.#covers(name)) {
        this.held.delete(name);
      }
    }
  }

  #request(
    add: readonly string[],
    remove: readonly string[],
    nonce: string,
    error: { code: number; message: string } | undefined,
  ): void {
    const { sets } = this.env;
    if (this.mode === 'sotw') {
      this.#input({ kind: 'sotw-request', type: this.type, names: sets.of(this.wanted), nonce, error });
      return;
    }
    this.#input({
      kind: 'delta-request',
      type: this.type,
      subscribe: sets.of(add),
      unsubscribe: sets.of(remove),
      initial: undefined,
      nonce,
      error,
      layers: this.layers,
    });
  }

  #reconnect(): void {
    this.state = undefined;
    this.flying = undefined;
    this.refused.clear();
    this.lastNonce = '';
    const { sets } = this.env;
    if (this.wanted.size === 0) {
      return;
    }
    if (this.mode === 'sotw') {
      this.#request([], [], 'of another stream', undefined);
      return;
    }
    this.#input({
      kind: 'delta-request',
      type: this.type,
      subscribe: sets.of(this.wanted),
      unsubscribe: sets.empty,
      initial: versionsOf(this.held),
      nonce: '',
      error: undefined,
      layers: this.layers,
    });
  }

  #input(input: StreamInput): void {
    const [state, outputs] = step(this.state, input, this.env);
    this.state = state;
    if (state === undefined) {
      this.refused.clear(); // A watch that was given up is forgotten, and with it what was refused.
    }
    for (const output of outputs) {
      this.#output(output);
    }
  }

  #output(output: StreamOutput): void {
    if (output.kind === 'park') {
      this.parked.add(`${output.name}@${output.version}`);
    }
    if (output.kind === 'send') {
      const { payload } = output;
      expect(this.flying, 'one response at a time').to.equal(undefined);
      expect(this.refused.has(words(payload)), `refused before: ${words(payload)}`).to.equal(false);
      for (const each of payload.content.resources) {
        expect(this.parked.has(`${each.name}@${each.version}`), `${each.name} is parked`).to.equal(false);
      }
      this.flying = payload;
      this.lastNonce = payload.nonce;
    }
  }
}

const words = (payload: Payload): string =>
  JSON.stringify([
    payload.content.resources.map((each) => `${each.name}@${each.version}`).sort(),
    payload.content.removed,
  ]);

const badOnes = fc.subarray(
  names.flatMap((name) => ['2', '3'].map((version) => `${name}@${version}`)),
  { maxLength: 3 },
);

function holds(type: TypeUrl, mode: Mode, runs: number): void {
  const script = fc.array(action, { maxLength: 40 });
  fc.assert(
    fc.property(badOnes, script, (bad, actions) => {
      const world = new World(type, mode, bad);
      world.run({ kind: 'subscribe', names: ['80', 'c'] });
      for (const each of actions) {
        // A state-of-the-world client has, and answers, a response before it asks for other things: until then its
        // requests count as stale, and names in a NACK are not heard (behaviour.md 7.3).
        if (mode === 'sotw' && (each.kind === 'subscribe' || each.kind === 'unsubscribe')) {
          if (world.state?.exchange.sent === undefined) {
            world.pull();
          }
          world.answer();
        }
        world.run(each);
      }
      world.settle();
      world.check();
    }),
    { numRuns: runs },
  );
}

describe('any script of changes, requests and answers', () => {
  for (const [type, label] of [
    [types.cluster, 'clusters'],
    [types.endpoint, 'endpoints'],
    [types.virtualHost, 'virtual hosts'],
    [types.extension, 'extensions'],
    [types.listener, 'listeners'],
  ] as const) {
    it(`leaves a delta client with the current ${label}, and never repeats what was refused`, () => {
      holds(type, 'delta', 3000);
    });
  }

  for (const [type, label] of [
    [types.cluster, 'clusters'],
    [types.endpoint, 'endpoints'],
  ] as const) {
    it(`leaves a state-of-the-world client with the current ${label}`, () => {
      holds(type, 'sotw', 3000);
    });
  }
});
