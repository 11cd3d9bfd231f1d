import { expect } from 'chai';
import { type Failure, failure } from '../../../src/jwks/failure.ts';
import { KeyFetcher } from '../../../src/jwks/key-fetcher.ts';
import { Room } from '../../../src/jwks/room.ts';
import { Turns } from '../../../src/jwks/turns.ts';
import type { WantedKeys } from '../../../src/jwks/wanted.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { ok, type Result } from '../../../src/lib/result.ts';

const minute = 60_000;

function wanted(id: string, owners: readonly string[] = ['foo']): WantedKeys {
  return { id, place: { kind: 'remote', uri: `https://${id}.example/keys` }, timeoutMs: 5_000, owners };
}

const down = failure('connection', 'down');

describe('keeping keys current', () => {
  let clock: FakeClock;
  let fetcher: KeyFetcher;
  let answers: Map<string, () => Result<string, Failure> | Promise<Result<string, Failure>>>;
  let published: (readonly string[])[];
  let results: string[];
  /** When each set was asked for, in whole seconds. */
  let asked: Map<string, number[]>;

  function start(random = 1, turns = new Turns(), room = new Room()): void {
    clock = new FakeClock();
    [answers, asked, published, results] = [new Map(), new Map(), [], []];
    fetcher = new KeyFetcher({
      clock,
      random: () => random,
      log: silentLogger,
      turns,
      room,
      load: async ({ id }) => {
        asked.set(id, [...(asked.get(id) ?? []), Math.floor(clock.now() / 1_000)]);
        return (await answers.get(id)?.()) ?? down;
      },
      changed: (sets) => published.push([...sets].map(([id, set]) => `${id}=${set.id}:${set.jwks}`)),
      fetched: (result) => results.push(result),
    });
  }
  beforeEach(() => start());
  afterEach(() => fetcher[Symbol.asyncDispose]());

  const settled = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));
  /** Lets time pass in small steps, so that what a fetch starts falls due in its own time. */
  async function pass(ms: number, step = 500): Promise<void> {
    await settled();
    for (let left = ms; left > 0; left -= step) {
      clock.advance(Math.min(step, left));
      await settled();
    }
  }

  it('fetches at once, then every twenty minutes, and publishes only other keys', async () => {
    let keys = 'one';
    answers.set('a', () => ok(keys));
    fetcher.want([wanted('a')]);
    await pass(30 * minute, minute);
    keys = 'two';
    fetcher.want([wanted('a')]);
    await pass(30 * minute, minute);
    expect(asked.get('a')).to.deep.equal([0, 1_200, 2_400, 3_600]);
    expect(published).to.deep.equal([['a=a:one'], ['a=a:two']]);
    expect(results).to.deep.equal(['success', 'success', 'success', 'success']);
    expect(fetcher.state('a')).to.deep.equal({ fetchedAt: 3_600_000, failure: undefined });
  });

  it('draws once how much sooner it does so', async () => {
    start(0);
    answers.set('a', () => ok('one'));
    fetcher.want([wanted('a')]);
    await pass(50 * minute, minute);
    expect(asked.get('a')).to.deep.equal([0, 960, 1_920, 2_880]);
  });

  it('tries again after a second, then twice as long each time, up to ten minutes, until there are keys', async () => {
    fetcher.want([wanted('a')]);
    await pass(60 * minute, 1_000);
    const times = [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1_023, 1_623, 2_223, 2_823, 3_423];
    expect(asked.get('a')).to.deep.equal(times);
    expect(fetcher.state('a')).to.deep.equal({ fetchedAt: undefined, failure: down.error });
    expect(published).to.deep.equal([]);
    answers.set('a', () => ok('one'));
    await pass(10 * minute, 1_000);
    expect([published, fetcher.state('a')?.failure]).to.deep.equal([[['a=a:one']], undefined]);
    answers.delete('a');
    await pass(20 * minute, 1_000);
    expect(asked.get('a')?.slice(15, 19)).to.deep.equal([4_023, 5_223, 5_224, 5_226]);
  });

  it('keeps the last good keys while a server fails, however long', async () => {
    answers.set('a', () => ok('one'));
    fetcher.want([wanted('a')]);
    await pass(1);
    answers.delete('a');
    await pass(30 * 24 * 60 * minute, 10 * minute);
    expect(published).to.deep.equal([['a=a:one']]);
    expect(fetcher.state('a')).to.deep.equal({ fetchedAt: 0, failure: down.error });
  });

  it('keeps no more keys for a namespace than it may have, whatever its policies name', async () => {
    start(1, new Turns(), new Room(10));
    for (const id of ['a', 'b', 'c', 'd']) answers.set(id, () => ok(`${id}234`));
    fetcher.want([wanted('a'), wanted('b')]);
    await pass(1);
    fetcher.want([wanted('a'), wanted('b'), wanted('c'), wanted('d', ['bar', 'foo']), wanted('e')]);
    await pass(1);
    // What another namespace has room for is kept; nobody else's keys are touched.
    expect(published.at(-1)).to.deep.equal(['a=a:a234', 'b=b:b234', 'd=d:d234']);
    expect(fetcher.state('c')?.failure).to.deep.equal({
      kind: 'size',
      reason: 'the keys that policies of foo want are too many to keep',
    });
    answers.set('a', () => ok('a23456789'));
    await pass(21 * minute, minute);
    expect(published.at(-1)?.[0]).to.equal('a=a:a234');
    answers.set('a', () => ok('a2'));
    await pass(21 * minute, minute);
    expect(published.at(-1)?.[0]).to.equal('a=a:a2');
    // What nobody wants any more takes room as long as it's kept.
    fetcher.want([wanted('c')]);
    await pass(30 * minute, minute);
    expect(fetcher.state('c')?.fetchedAt).to.equal(undefined);
    await pass(60 * minute, minute);
    expect(published.at(-1)).to.deep.equal(['c=c:c234']);
  });

  it('lets no issuer wait for another that hangs', async () => {
    start(1, new Turns({ total: 3, host: 1, owner: 2 }));
    for (const id of ['h1', 'h2', 'h3', 'h4']) answers.set(id, () => new Promise<never>(() => undefined));
    answers.set('a', () => ok('one'));
    fetcher.want(['h1', 'h2', 'h3', 'h4'].map((id) => wanted(id, ['flood'])));
    fetcher.want([...['h1', 'h2', 'h3', 'h4'].map((id) => wanted(id, ['flood'])), wanted('a')]);
    await settled();
    expect(published).to.deep.equal([['a=a:one']]);
    expect([...asked.keys()]).to.deep.equal(['h1', 'h2', 'a']);
    // A fetch that never ends must not keep the test from ending.
    start();
  });

  it('fetches anew when a key is unknown, once in ten seconds however often that is said', async () => {
    answers.set('a', () => ok('one'));
    answers.set('b', () => ok('b'));
    fetcher.want([wanted('a'), wanted('b')]);
    await pass(4_000);
    for (let at = 4; at < 60; at++) {
      for (let times = 0; times < 100; times++) fetcher.reportUnknownKey(['a', 'nobody']);
      await pass(1_000);
    }
    expect(asked.get('a')).to.deep.equal([0, 10, 20, 30, 40, 50, 60]);
    expect(asked.get('b')).to.deep.equal([0]);
    await pass(5_000);
    fetcher.reportUnknownKey(['b']);
    await settled();
    clock.advance(0);
    await settled();
    expect(asked.get('b')).to.deep.equal([0, 65]);
  });

  it('remembers a report that comes while it fetches: the answer may be older than the key', async () => {
    const slow = Promise.withResolvers<Result<string, Failure>>();
    answers.set('a', () => slow.promise);
    fetcher.want([wanted('a')]);
    await pass(2_000);
    fetcher.reportUnknownKey(['a']);
    await pass(20_000);
    slow.resolve(ok('one'));
    answers.set('a', () => ok('two'));
    await pass(500);
    expect(asked.get('a')).to.deep.equal([0, 22]);
    expect(published).to.deep.equal([['a=a:one'], ['a=a:two']]);
  });

  it('forgets keys an hour after nobody wants them, and has them at hand until then', async () => {
    answers.set('a', () => ok('one'));
    fetcher.want([wanted('a')]);
    await pass(minute);
    fetcher.want([]);
    expect(fetcher.state('a')).to.equal(undefined);
    await pass(59 * minute, minute);
    fetcher.want([wanted('a')]);
    await pass(1_000);
    expect([published, asked.get('a')]).to.deep.equal([[['a=a:one']], [0, 3_600]]);
    fetcher.want([]);
    await pass(61 * minute, minute);
    expect([published.at(-1), asked.get('a')]).to.deep.equal([[], [0, 3_600]]);
    fetcher.want([wanted('a')]);
    await pass(1_000);
    expect(published.at(-1)).to.deep.equal(['a=a:one']);
  });

  it('asks no server more often because a policy comes and goes', async () => {
    for (let times = 0; times < 60; times++) {
      fetcher.want([wanted('a')]);
      await pass(500);
      fetcher.want([]);
      await pass(500);
    }
    expect(asked.get('a')?.length).to.be.at.most(7);
  });

  it('asks nobody for keys that are wanted no more when their turn comes, and asks once they are again', async () => {
    start(1, new Turns({ total: 1, host: 1, owner: 1 }));
    const slow = Promise.withResolvers<Result<string, Failure>>();
    answers.set('a', () => slow.promise);
    answers.set('b', () => ok('b'));
    fetcher.want([wanted('a'), wanted('b')]);
    await settled();
    fetcher.want([wanted('a')]);
    slow.resolve(ok('one'));
    await pass(1_000);
    expect([...asked.keys()]).to.deep.equal(['a']);
    fetcher.want([wanted('a'), wanted('b')]);
    await pass(1_000);
    expect(published.at(-1)).to.deep.equal(['a=a:one', 'b=b:b']);
  });

  it('tells when everything was tried, with whatever outcome', async () => {
    const slow = Promise.withResolvers<Result<string, Failure>>();
    answers.set('a', () => slow.promise);
    await fetcher.tried(new AbortController().signal);
    fetcher.want([wanted('a'), wanted('b')]);
    let done = false;
    const waiting = fetcher.tried(new AbortController().signal).then(() => {
      done = true;
    });
    await settled();
    expect([done, results]).to.deep.equal([false, ['connection']]);
    slow.resolve(ok('one'));
    await waiting;
    expect(results).to.deep.equal(['connection', 'success']);
    answers.set('c', () => new Promise<never>(() => undefined));
    start();
    answers.set('c', () => new Promise<never>(() => undefined));
    fetcher.want([wanted('c')]);
    const limit = new AbortController();
    const given = fetcher.tried(limit.signal);
    limit.abort();
    await given;
    start();
  });

  it('takes a fetch that throws for one that failed', async () => {
    answers.set('a', () => {
      throw new Error('bug');
    });
    fetcher.want([wanted('a')]);
    await pass(3_500);
    expect(asked.get('a')).to.deep.equal([0, 1, 3]);
    expect(fetcher.state('a')?.failure?.kind).to.equal('connection');
  });
});
