import { expect } from 'chai';
import { Reports, reportAbandonedMs, reportLifeMs, totals } from '../../../../src/cluster/status/aggregate.ts';
import type { Spread } from '../../../../src/cluster/status/facts.ts';
import { markOf, type Report } from '../../../../src/cluster/status/report-text.ts';
import { spread } from '../../../support/status-facts.ts';

const own = (...spreads: readonly Spread[]) => new Map(spreads.map((each) => [each.key, each]));
const report = (...spreads: readonly Spread[]): Report => ({
  omitted: 0,
  idle: new Set(),
  spreads: own(...spreads),
});
const refusal = (proxy: string) => ({ proxy, words: 'no' });

describe('the sum of reports', () => {
  it('adds what the replicas have', () => {
    const found = totals(own(spread('k', { applied: 5, enforced: 5 })), [
      report(spread('k', { applied: 4, enforced: 2, rejected: 1, overridden: 1, refusals: [refusal('b.foo')] })),
      report(spread('k', { applied: 3, enforced: 2, rejected: 1, refusals: [refusal('a.foo')] }), spread('other')),
    ]);
    expect([...found]).to.deep.equal([
      [
        'k',
        {
          kind: 'counted',
          unseen: 0,
          spread: spread('k', {
            applied: 12,
            enforced: 9,
            rejected: 2,
            overridden: 1,
            refusals: [refusal('a.foo'), refusal('b.foo')],
          }),
        },
      ],
    ]);
  });

  it('counts for the newest generation: proxies of a replica that has not seen it are pending', () => {
    const older = spread('k', { generation: 1, applied: 4, enforced: 3, rejected: 1, refusals: [refusal('a.foo')] });
    const newer = spread('k', { generation: 2, applied: 2, enforced: 2 });
    const expected = { kind: 'counted', unseen: 0, spread: spread('k', { generation: 2, applied: 6, enforced: 2 }) };
    expect(totals(own(newer), [report(older)]).get('k')).to.deep.equal(expected);
    expect(totals(own(older), [report(newer)]).get('k')).to.deep.equal(expected);
  });

  it('takes no counts of an object that had the name before', () => {
    for (const generation of [1, 9]) {
      const old = spread('k', { uid: 'old', generation, applied: 4, enforced: 4 });
      expect(totals(own(spread('k', { applied: 1, enforced: 1 })), [report(old)]).get('k')).to.deep.equal({
        kind: 'counted',
        unseen: 0,
        spread: spread('k', { applied: 5, enforced: 1 }),
      });
    }
  });

  it('tells a replica that has not seen a policy from one whose proxies it does not concern', () => {
    const mine = spread('k', { generation: 3, applied: 2, enforced: 2 });
    const idle = (...generations: readonly number[]): Report => ({
      ...report(),
      idle: new Set(generations.map((generation) => markOf({ ...mine, generation }))),
    });
    const unseenBy = (...reports: readonly Report[]) => {
      const total = totals(own(mine), reports).get('k');
      return total?.kind === 'counted' ? total.unseen : total?.kind;
    };
    expect(unseenBy()).to.equal(0);
    expect(unseenBy(idle(3))).to.equal(0);
    expect(unseenBy(report(mine))).to.equal(0);
    expect(unseenBy(idle(2))).to.equal(1);
    expect(unseenBy(idle(3), report(), report(spread('other')))).to.equal(2);
    expect(unseenBy({ ...idle(3), omitted: 1 })).to.equal(0);
    expect(unseenBy({ ...report(), omitted: 1 })).to.equal('unreported');
  });

  it('does not count where a replica had to leave out what it knows', () => {
    const cut: Report = { omitted: 7, idle: new Set(), spreads: own(spread('a', { applied: 1, enforced: 1 })) };
    const found = totals(own(spread('a', { applied: 1, enforced: 1 }), spread('b', { applied: 1 })), [cut]);
    expect(found.get('a')?.kind).to.equal('counted');
    expect(found.get('b')).to.deep.equal({ kind: 'unreported', generation: 1 });
  });
});

describe('reports of other replicas', () => {
  it('count as long as they are renewed', () => {
    const reports = new Reports();
    const [a, b] = [report(spread('a')), report(spread('b'))];
    reports.put('a', '1', a, 0);
    reports.put('b', '1', b, 0);
    expect(reports.live(reportLifeMs - 1)).to.deep.equal([a, b]);
    reports.put('a', '2', a, reportLifeMs - 1);
    // Listed again, but not written again.
    reports.put('b', '1', b, reportLifeMs - 1);
    expect(reports.live(reportLifeMs)).to.deep.equal([a]);
    expect(reports.abandoned(reportAbandonedMs)).to.deep.equal(['b']);
    reports.delete('a');
    expect(reports.live(reportLifeMs)).to.deep.equal([]);
  });
});
