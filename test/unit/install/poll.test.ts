import { expect } from 'chai';
import { pollUntil } from '../../../src/install/poll.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';

/** Lets what waits on promises go on. */
const settle = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

describe('pollUntil', () => {
  it('asks until there is no reason to wait', async () => {
    const clock = new FakeClock();
    const reasons = ['not yet', 'not yet', undefined];
    let asked = 0;
    const done = pollUntil('it', { clock, signal: new AbortController().signal, timeoutMs: 1000 }, () =>
      Promise.resolve(reasons[asked++]),
    );
    for (let round = 0; round < 3; round++) {
      await settle();
      clock.advance(200);
    }
    await done;
    expect(asked).to.equal(3);
  });

  it('gives up after its time, with the last reason', async () => {
    const clock = new FakeClock();
    const done = pollUntil('it', { clock, signal: new AbortController().signal, timeoutMs: 400 }, () =>
      Promise.resolve('is red'),
    ).catch((thrown: unknown) => MeshError.from(thrown));
    for (let round = 0; round < 3; round++) {
      await settle();
      clock.advance(200);
    }
    const error = await done;
    expect([error?.code, error?.message]).to.deep.equal(['unavailable', 'it: is red (after 0.4 s)']);
  });

  it('ends when it is told to', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const done = pollUntil('it', { clock, signal: stop.signal, timeoutMs: 400 }, () => Promise.resolve('is red')).then(
      () => 'done',
      () => 'stopped',
    );
    await settle();
    stop.abort();
    expect(await done).to.equal('stopped');
  });
});
