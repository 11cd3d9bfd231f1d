import { expect } from 'chai';
import { FakeClock } from '../../../src/lib/clock.ts';
import { SendBudget } from '../../../src/xds/send-budget.ts';

const limits = { total: 100, perStream: 50, slowAfterMs: 10, stalledAfterMs: 30 };
const immediate = () => new Promise((resolve) => setImmediate(resolve));
const ignore = () => undefined;

describe('the send budget', () => {
  it('lets streams in again in their order, as far as there is room', async () => {
    const budget = new SendBudget(new FakeClock(), limits);
    const first = budget.spend(60, ignore);
    const second = budget.spend(60, ignore);
    expect([budget.open, budget.used]).to.deep.equal([false, 120]);
    const woken: string[] = [];
    const wait = (name: string, bytes: number) =>
      budget.wait(() => {
        woken.push(name);
        budget.spend(bytes, ignore);
      });
    wait('a', 50);
    wait('b', 50);
    const left = () => woken.push('c');
    budget.wait(left);
    budget.leave(left);
    first[Symbol.dispose]();
    await immediate();
    expect(woken).to.deep.equal(['a']);
    second[Symbol.dispose]();
    second[Symbol.dispose]();
    await immediate();
    expect(woken).to.deep.equal(['a', 'b']);
    expect(budget.used).to.equal(100);
  });

  it('no longer counts a slow stream, and tells when it stalls', () => {
    const clock = new FakeClock();
    const budget = new SendBudget(clock, limits);
    const overdue: string[] = [];
    const spent = budget.spend(100, (how) => overdue.push(how));
    clock.advance(10);
    expect([budget.open, budget.used, overdue]).to.deep.equal([true, 0, ['slow']]);
    clock.advance(20);
    expect(overdue).to.deep.equal(['slow', 'stalled']);
    spent[Symbol.dispose]();
    expect(budget.used).to.equal(0);
  });

  it('says nothing of a stream that is done in time', () => {
    const clock = new FakeClock();
    const budget = new SendBudget(clock, limits);
    const overdue: string[] = [];
    budget.spend(100, (how) => overdue.push(how))[Symbol.dispose]();
    clock.advance(100);
    expect(overdue).to.deep.equal([]);
  });
});
