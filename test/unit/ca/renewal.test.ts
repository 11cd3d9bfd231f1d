import { expect } from 'chai';
import fc from 'fast-check';
import { renewalTime, startRenewal } from '../../../src/ca/renewal.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { hour } from './helpers.ts';

describe('ca/renewal', () => {
  it('falls between 0.4 and 0.5 of the life, whatever is drawn', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2160 * 3600 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (life, drawn) => {
          const due = renewalTime(0, life * 1000, () => drawn);
          return due >= 0.4 * life * 1000 - 1 && due <= 0.5 * life * 1000;
        },
      ),
      { numRuns: 500 },
    );
  });

  it('uses the whole range', () => {
    expect([0, 0.5, 0.999].map((drawn) => renewalTime(hour, 11 * hour, () => drawn) / hour)).to.deep.equal([
      5, 5.5, 5.999,
    ]);
  });

  it('leaves a moment before a certificate that is nearly over is renewed', () => {
    expect(renewalTime(5000, 5000, () => 0)).to.equal(5400);
  });

  function renewals(results: readonly ('fail' | number)[]) {
    const clock = new FakeClock(0);
    const seen: { readonly at: number; readonly what: string }[] = [];
    let call = 0;
    const renewal = startRenewal(1000, {
      clock,
      random: () => 0.5,
      renew() {
        const result = results[call++] ?? Number.POSITIVE_INFINITY;
        seen.push({ at: clock.now(), what: 'renew' });
        if (result === 'fail') throw new MeshError('unavailable', `no ${call}`);
        return result;
      },
      failed: (error, retryInMs) => seen.push({ at: clock.now(), what: `${error.message}, again in ${retryInMs}` }),
    });
    return { clock, seen, renewal };
  }

  it('runs when it is due, and then when the new one is', () => {
    const { clock, seen } = renewals([5000, 9000]);
    clock.advance(8999);
    expect(seen).to.deep.equal([
      { at: 1000, what: 'renew' },
      { at: 5000, what: 'renew' },
    ]);
  });

  it('tries again after a failure, later each time, up to a minute', () => {
    const { clock, seen } = renewals(['fail', 'fail', 'fail', 'fail', 'fail', 'fail', 'fail', 'fail', 1e9]);
    clock.advance(300_000);
    expect(seen.filter(({ what }) => what !== 'renew').map(({ what }) => what)).to.deep.equal([
      'no 1, again in 1000',
      'no 2, again in 2000',
      'no 3, again in 4000',
      'no 4, again in 8000',
      'no 5, again in 16000',
      'no 6, again in 32000',
      'no 7, again in 60000',
      'no 8, again in 60000',
    ]);
  });

  it('starts over with short delays after a success', () => {
    const { clock, seen } = renewals(['fail', 'fail', 10_000, 'fail', 1e9]);
    clock.advance(12_000);
    expect(seen.filter(({ what }) => what !== 'renew')).to.deep.equal([
      { at: 1000, what: 'no 1, again in 1000' },
      { at: 2000, what: 'no 2, again in 2000' },
      { at: 10_000, what: 'no 4, again in 1000' },
    ]);
  });

  it('stops when it is disposed, also from within', () => {
    const { clock, seen, renewal } = renewals([5000]);
    renewal[Symbol.dispose]();
    clock.advance(hour);
    expect(seen).to.deep.equal([]);

    let runs = 0;
    const own = startRenewal(0, {
      clock,
      random: () => 0,
      renew() {
        runs++;
        own[Symbol.dispose]();
        return clock.now() + 1;
      },
      failed: () => undefined,
    });
    clock.advance(hour);
    expect(runs).to.equal(1);
  });
});
