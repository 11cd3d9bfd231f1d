import { expect } from 'chai';
import { TokenBucket } from '../../../../src/cluster/status/rate.ts';
import { FakeClock } from '../../../../src/lib/clock.ts';

describe('a token bucket', () => {
  it('gives a burst, then says how long to wait, and never saves more than the burst', () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(clock, 50, 3);
    const take = (count: number) => Array.from({ length: count }, () => bucket.take());
    expect(take(4)).to.deep.equal([0, 0, 0, 20]);
    clock.advance(20);
    expect(take(2)).to.deep.equal([0, 20]);
    clock.advance(60_000);
    expect(take(4)).to.deep.equal([0, 0, 0, 20]);
  });
});
