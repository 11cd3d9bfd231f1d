import { expect } from 'chai';
import { FakeClock } from '../../../src/lib/clock.ts';
import { poll } from '../../../src/sandbox/poll.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => 'no failure',
    (thrown: unknown) => (thrown instanceof Error ? thrown.message : thrown),
  );
}

describe('poll', () => {
  it('asks until there is an answer', async () => {
    const clock = new FakeClock();
    const answers = [undefined, undefined, 'here'];
    const result = poll('it', () => answers.shift(), { clock, timeoutMs: 100, everyMs: 10 });
    for (let step = 0; step < 3; step += 1) {
      await settle();
      clock.advance(10);
    }
    expect(await result).to.equal('here');
    expect(clock.now()).to.equal(30);
  });

  it('says what it waited for when time is up', async () => {
    const clock = new FakeClock();
    const result = failure(poll('the port', () => undefined, { clock, timeoutMs: 20, everyMs: 10 }));
    for (let step = 0; step < 3; step += 1) {
      await settle();
      clock.advance(10);
    }
    expect(await result).to.equal('the port: not within 0.02 s');
  });

  it('ends with its signal', async () => {
    const stop = new AbortController();
    const waiting = failure(
      poll('it', () => undefined, { clock: new FakeClock(), timeoutMs: 1_000, signal: stop.signal }),
    );
    await settle();
    stop.abort(new Error('enough'));
    expect(await waiting).to.equal('enough');
  });
});
