import { expect } from 'chai';
import { FakeClock } from '../../../src/lib/clock.ts';
import { spreadLeaves } from '../../../src/xds/drain.ts';

/** When each of some streams is asked to leave. */
function leaves(count: number, graceMs: number, random = () => 0.5): readonly number[] {
  const clock = new FakeClock();
  const times: number[] = [];
  const streams = Array.from({ length: count }, (_, index) => ({
    leave: () => {
      times[index] = clock.now();
    },
  }));
  using _leaves = spreadLeaves(streams, { graceMs, clock, random });
  clock.advance(graceMs);
  return times;
}

/** The most that leave within any tenth of the time. */
function most(times: readonly number[], graceMs: number): number {
  const slices = new Map<number, number>();
  for (const time of times) {
    const slice = Math.floor((time / graceMs) * 10);
    slices.set(slice, (slices.get(slice) ?? 0) + 1);
  }
  return Math.max(...slices.values());
}

describe('spreading leaves', () => {
  it('asks everybody, evenly over most of the time', () => {
    const times = leaves(1_000, 10_000, Math.random);
    expect(times.filter((time) => time >= 0)).to.have.length(1_000);
    expect(Math.max(...times)).to.be.within(7_900, 8_000);
    expect(most(times, 10_000)).to.be.within(125, 127);
  });

  it('does not take its time for few', () => {
    expect(leaves(4, 60_000)).to.deep.equal([5, 15, 25, 35]);
    expect(Math.max(...leaves(100, 60_000, () => 1))).to.equal(1000);
  });

  it('draws the moment of each', () => {
    const draws = [0, 0.25, 0.5, 0.75];
    expect(leaves(4, 60_000, () => draws.shift() ?? Number.NaN)).to.deep.equal([0, 12.5, 25, 37.5]);
  });

  it('has nothing to do without streams, and stops when it is disposed', () => {
    expect(leaves(0, 1000)).to.deep.equal([]);
    const clock = new FakeClock();
    let left = 0;
    const stream = { leave: () => left++ };
    spreadLeaves([stream, stream], { graceMs: 1000, clock, random: () => 0.5 })[Symbol.dispose]();
    clock.advance(1000);
    expect(left).to.equal(0);
  });
});
