import { expect } from 'chai';
import { FakeClock } from '../../../src/lib/clock.ts';
import { pause, pauseQuietly } from '../../../src/lib/pause.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How a pause ends: `over`, the message of what it throws, or undefined while it goes on. */
function endOf(pausing: Promise<void>): { readonly now: () => string | undefined } {
  let end: string | undefined;
  pausing.then(
    () => {
      end = 'over';
    },
    (thrown: unknown) => {
      end = thrown instanceof Error ? thrown.message : String(thrown);
    },
  );
  return { now: () => end };
}

for (const [name, wait, aborted] of [
  ['pause', pause, 'enough'],
  ['pauseQuietly', pauseQuietly, 'over'],
] as const) {
  describe(name, () => {
    it('ends when its time has come, and not before', async () => {
      const clock = new FakeClock();
      const end = endOf(wait(clock, 1_000, new AbortController().signal));
      clock.advance(999);
      await settle();
      expect(end.now()).to.equal(undefined);
      clock.advance(1);
      await settle();
      expect(end.now()).to.equal('over');
    });

    it('ends with its signal', async () => {
      const stop = new AbortController();
      const end = endOf(wait(new FakeClock(), 1_000, stop.signal));
      await settle();
      expect(end.now()).to.equal(undefined);
      stop.abort(new Error('enough'));
      await settle();
      expect(end.now()).to.equal(aborted);
    });

    it('does not begin after its signal', async () => {
      const end = endOf(wait(new FakeClock(), 1_000, AbortSignal.abort(new Error('enough'))));
      await settle();
      expect(end.now()).to.equal(aborted);
    });
  });
}
