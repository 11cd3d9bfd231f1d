import { expect } from 'chai';
import { FakeClock } from '../../../src/lib/clock.ts';
import { Allowance } from '../../../src/telemetry/allowance.ts';

const read = 1_000 - 512;

describe('allowance', () => {
  it('is a burst, and then so much a second, for each and for all', () => {
    const clock = new FakeClock();
    const allowance = new Allowance(clock, { perSecond: 1_000, burst: 2_000 }, { perSecond: 2_000, burst: 3_000 });
    const spend = (owner: string): boolean => allowance.spend(owner, read);
    expect([spend('a'), spend('a'), spend('a'), spend('b'), spend('b')]).to.deep.equal([
      true,
      true,
      false,
      true,
      false,
    ]);
    clock.advance(1_000);
    expect([spend('a'), spend('a'), spend('b'), spend('c')]).to.deep.equal([true, false, true, false]);
  });

  it('may be used up in advance by what a message turned out to be', () => {
    const clock = new FakeClock();
    const rate = { perSecond: 1_000, burst: 2_000 };
    const allowance = new Allowance(clock, rate, rate);
    expect(allowance.spend('a', read)).to.equal(true);
    allowance.charge('a', 2_000);
    clock.advance(1_000);
    expect(allowance.spend('a', read)).to.equal(false);
    clock.advance(1_000);
    expect(allowance.spend('a', read)).to.equal(true);
  });

  it('does not begin anew for a workload that comes back', () => {
    const clock = new FakeClock();
    const allowance = new Allowance(clock, { perSecond: 1, burst: 1_000 }, { perSecond: 1_000, burst: 9_000 });
    expect(allowance.spend('a', read)).to.equal(true);
    allowance.sweep();
    expect(allowance.spend('a', read)).to.equal(false);
  });
});
