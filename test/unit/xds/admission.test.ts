import { expect } from 'chai';
import { FakeClock } from '../../../src/lib/clock.ts';
import { Admission, type AdmissionLimits, defaultAdmissionLimits, type Ticket } from '../../../src/xds/admission.ts';

const start = 1_700_000_000_000;
const stay = (): void => {
  throw new Error('nobody should have to go');
};
const enter = (afterMs: number): Ticket => ({ kind: 'enter', afterMs });

function door(limits: Partial<AdmissionLimits>, now = start) {
  const clock = new FakeClock(now);
  const admission = new Admission(clock, { maxStreams: 0, perSecond: 10, burst: 3, maxWaitMs: 250, ...limits });
  return { clock, admission, ask: (times: number) => Array.from({ length: times }, () => admission.ask()) };
}

describe('the door of a replica', () => {
  it('takes a burst at once, makes the next ones wait, and refuses who would wait too long', () => {
    for (const now of [0, start]) {
      expect(door({}, now).ask(7)).to.deep.equal([
        enter(0),
        enter(0),
        enter(0),
        enter(100),
        enter(200),
        { kind: 'refuse', reason: 'busy' },
        { kind: 'refuse', reason: 'busy' },
      ]);
    }
  });

  it('saves up no more than a burst', () => {
    const { clock, ask } = door({ maxWaitMs: 0 });
    const entered = () => ask(10).filter(({ kind }) => kind === 'enter').length;
    expect(entered()).to.equal(3);
    expect(entered()).to.equal(0);
    clock.advance(100);
    expect(entered()).to.equal(1);
    clock.advance(200);
    expect(entered()).to.equal(2);
    clock.advance(3_600_000);
    expect(entered()).to.equal(3);
  });

  it('lets in as many as it holds, and the next one when somebody left', () => {
    const { admission } = door({ maxStreams: 2, burst: 100 });
    const first = admission.enter('a', stay);
    admission.enter('b', stay);
    expect(admission.full).to.equal(true);
    expect(admission.enter('c', stay)).to.equal(undefined);
    expect(admission.ask()).to.deep.equal({ kind: 'refuse', reason: 'full' });
    first?.[Symbol.dispose]();
    first?.[Symbol.dispose]();
    expect(admission.full).to.equal(false);
    expect(admission.ask()).to.deep.equal(enter(0));
    expect(admission.enter('c', stay)).to.not.equal(undefined);
    expect(admission.full).to.equal(true);
  });

  it('makes room for who holds less than somebody else, at the cost of that one’s oldest', () => {
    const { admission } = door({ maxStreams: 4, burst: 100 });
    const ended: number[] = [];
    const greedy = [1, 2, 3].map((each) => admission.enter('greedy', () => ended.push(each)));
    admission.enter('other', stay);
    expect(admission.ask()).to.deep.equal(enter(0));
    expect(admission.enter('greedy', stay)).to.equal(undefined);
    expect(admission.enter('new', stay)).to.not.equal(undefined);
    expect(ended).to.deep.equal([1]);
    // Two of them, and one each of the others: a fourth owner would hold as many as anybody after it, but a third stream of one would not.
    expect(admission.enter('other', stay)).to.equal(undefined);
    greedy[0]?.[Symbol.dispose]();
    expect(admission.full).to.equal(true);
    expect(admission.enter('fourth', stay)).to.not.equal(undefined);
    expect(ended).to.deep.equal([1, 2]);
    expect(admission.ask()).to.deep.equal({ kind: 'refuse', reason: 'full' });
    greedy[2]?.[Symbol.dispose]();
    expect(admission.full).to.equal(false);
  });

  it('takes no token for a refusal', () => {
    const { admission, ask } = door({ maxStreams: 1, burst: 1, maxWaitMs: 0 });
    const place = admission.enter('a', stay);
    ask(50);
    place?.[Symbol.dispose]();
    expect(admission.ask()).to.deep.equal(enter(0));
  });

  it('holds any number where no bound is set', () => {
    const { admission } = door({ maxStreams: 0 });
    for (let i = 0; i < 10_000; i++) admission.enter('a', stay);
    expect(admission.full).to.equal(false);
  });

  it('does not stay shut when the clock is set back', () => {
    let now = start;
    const clock = { now: () => now, after: () => ({ [Symbol.dispose]: () => undefined }) };
    const admission = new Admission(clock, { maxStreams: 0, perSecond: 10, burst: 3, maxWaitMs: 250 });
    for (let i = 0; i < 10; i++) admission.ask();
    now -= 3_600_000;
    expect(admission.ask()).to.deep.equal(enter(0));
    expect(admission.ask()).to.deep.equal(enter(100));
  });

  it('lets a thousand in at once by default, and as many each second after it', () => {
    const { clock, ask } = door(defaultAdmissionLimits);
    const tickets = ask(3000);
    expect(tickets.filter((each) => each.kind === 'enter' && each.afterMs === 0)).to.have.length(1000);
    expect(tickets.filter((each) => each.kind === 'enter')).to.have.length(2000);
    clock.advance(1000);
    expect(ask(3000).filter((each) => each.kind === 'enter')).to.have.length(1000);
  });
});
