import { expect } from 'chai';
import { Coalescer } from '../../../../src/cluster/status/coalescer.ts';
import { FakeClock } from '../../../../src/lib/clock.ts';

const timing = { quietMs: 500, maxMs: 2_000, gapMs: 2_000 };

function coalescer(spend = true) {
  const clock = new FakeClock(10_000);
  const runs: string[] = [];
  const made = new Coalescer<string>(clock, timing, (keys) => {
    runs.push(`${clock.now() - 10_000}: ${keys.join()}`);
    if (spend) for (const key of keys) made.spent(key);
  });
  return { clock, runs, made };
}

describe('a coalescer', () => {
  it('runs once after a quiet moment', () => {
    const { clock, runs, made } = coalescer();
    made.touch('a');
    clock.advance(300);
    made.touch('a');
    clock.advance(10_000);
    expect(runs).to.deep.equal(['800: a']);
  });

  it('waits for no quiet moment longer than its bound, and keeps the gap', () => {
    const { clock, runs, made } = coalescer();
    for (let at = 0; at <= 5_000; at += 100) {
      made.touch('a');
      clock.advance(100);
    }
    clock.advance(10_000);
    expect(runs).to.deep.equal(['2000: a', '4000: a', '6000: a']);
  });

  it('needs no gap after a run that did nothing', () => {
    const { clock, runs, made } = coalescer(false);
    made.touch('a');
    clock.advance(500);
    made.touch('a');
    clock.advance(500);
    expect(runs).to.deep.equal(['500: a', '1000: a']);
  });

  it('gives what is due at once together, and each key its own time', () => {
    const { clock, runs, made } = coalescer();
    made.touch('a');
    made.touch('b');
    clock.advance(100);
    made.touch('c');
    clock.advance(10_000);
    expect(runs).to.deep.equal(['500: a,b', '600: c']);
  });

  it('forgets a key, and everything at its end', () => {
    const { clock, runs, made } = coalescer();
    made.touch('a');
    made.touch('b');
    made.forget('a');
    clock.advance(1_000);
    made.touch('c');
    made[Symbol.dispose]();
    made.touch('d');
    clock.advance(10_000);
    expect(runs).to.deep.equal(['500: b']);
  });

  it('runs later where it is told to, unless a touch brings it on', () => {
    const { clock, runs, made } = coalescer();
    made.later('a', 15_000);
    made.later('b', 15_000);
    clock.advance(1_000);
    made.touch('b');
    made.later('b', 30_000);
    clock.advance(30_000);
    expect(runs).to.deep.equal(['1500: b', '5000: a']);
  });
});
