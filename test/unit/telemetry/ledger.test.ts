import { expect } from 'chai';
import { type CountKey, defaultLedgerLimits, Ledger, type Sample } from '../../../src/telemetry/ledger.ts';
import type { PolicyVersion } from '../../../src/telemetry/versions.ts';

const version: PolicyVersion = {
  namespace: 'foo',
  name: 'web',
  action: 'ALLOW',
  generation: 1,
  content: 'c1',
  since: 0,
  until: undefined,
};
const key: CountKey = {
  workload: 'httpbin.foo',
  source: 'sleep.foo',
  user: 'cluster.local/ns/foo/sa/sleep',
  path: '/a',
  now: 'allowed',
  would: 'denied',
  part: 'unmatched',
};
const sample = (at: number): Sample => ({
  request: at,
  at,
  source: key.source,
  user: key.user,
  reporter: 'httpbin-1.foo',
  workload: key.workload,
  method: 'GET',
  path: '/a',
  port: 80,
  code: 200,
  latencyMs: 1,
  responseBytes: 2,
  rule: '',
});

describe('ledger', () => {
  it('counts, with the first and last time and the newest examples', () => {
    const ledger = new Ledger();
    for (const at of [10, 20, 30, 40, 50]) ledger.record(version, 'o', key, sample(at));
    expect(ledger.counts(version)).to.deep.equal([
      { ...key, count: 5, first: 10, last: 50, samples: [50, 40, 30].map(sample) },
    ]);
  });

  it('keeps generations apart', () => {
    const ledger = new Ledger();
    const next = { ...version, generation: 2, since: 5 };
    ledger.record(version, 'o', key, sample(1));
    ledger.record(next, 'o', key, sample(6));
    expect([version, next].map((each) => ledger.counts(each).map(({ last }) => last))).to.deep.equal([[1], [6]]);
    ledger.sweep([next], 10);
    expect([version, next].map((each) => ledger.counts(each).length)).to.deep.equal([0, 1]);
    expect(ledger.size).to.equal(1);
  });

  it('has a bounded number of paths for each workload: what is too many is one', () => {
    const ledger = new Ledger({ ...defaultLedgerLimits, pathsPerOwner: 2 });
    for (const path of ['/a', '/b', '/c', '/d', '/a']) ledger.record(version, 'o', { ...key, path }, sample(1));
    expect(ledger.counts(version).map(({ path, count }) => [path, count])).to.deep.equal([
      ['/a', 2],
      ['*', 2],
      ['/b', 1],
    ]);
    ledger.record(version, 'p', { ...key, workload: 'other.foo', path: '/e' }, sample(1));
    expect(ledger.counts(version).map(({ path }) => path)).to.include('/e');
    // Places that nothing needs any more are free again.
    ledger.sweep([version], defaultLedgerLimits.keptMs + 1);
    ledger.record(version, 'o', { ...key, path: '/f' }, sample(1));
    expect(ledger.counts(version).map(({ path }) => path)).to.deep.equal(['/f']);
  });

  it('is not filled by a workload that invents callers, and loses no number', () => {
    const ledger = new Ledger({ ...defaultLedgerLimits, cellsPerOwner: 10 });
    for (let i = 0; i < 1_000; i++)
      ledger.record(version, 'liar', { ...key, source: `s${i}`, user: `u${i}` }, sample(i));
    const counts = ledger.counts(version);
    expect(counts.length).to.equal(11);
    expect(counts[0]).to.include({ source: '*', user: '', path: '*', count: 990 });
    expect({ folded: ledger.folded, lost: ledger.lost, size: ledger.size }).to.deep.equal({
      folded: 990,
      lost: 0,
      size: 11,
    });
  });

  it('has room for whoever comes last, however many liars there were', () => {
    const ledger = new Ledger({ ...defaultLedgerLimits, cells: 400, cellsPerOwner: 512 });
    for (let liar = 0; liar < 40; liar++) {
      for (let i = 0; i < 1_000; i++) {
        ledger.record(version, `liar${liar}`, { ...key, workload: `w${liar}`, source: `s${i}` }, sample(i));
      }
    }
    ledger.record(version, 'honest', { ...key, workload: 'honest.foo' }, sample(1));
    expect(ledger.counts(version).find(({ workload }) => workload === 'honest.foo')).to.include({
      source: 'sleep.foo',
      count: 1,
    });
    const total = ledger.counts(version).reduce((sum, { count }) => sum + count, 0);
    expect([total, ledger.lost, ledger.size]).to.deep.equal([40_001, 0, 440]);
  });

  it('has whole examples and the first time where counts were folded into others', () => {
    const ledger = new Ledger({ ...defaultLedgerLimits, cells: 2, cellsPerOwner: 1 });
    const own = { ...key, path: '/own' };
    for (const at of [40, 10, 20, 30]) ledger.record(version, 'o', own, sample(at));
    // Whoever holds the most loses theirs: what o had goes to the rest, where the next request is the first example.
    for (const owner of ['p', 'q']) ledger.record(version, owner, { ...key, workload: `${owner}.foo` }, sample(50));
    ledger.record(version, 'o', own, sample(60));
    ledger.record(version, 'o', { ...key, path: '/other' }, sample(70));
    const rest = ledger.counts(version).find(({ path, workload }) => path === '*' && workload === key.workload);
    expect(rest).to.deep.include({ count: 5, first: 10, last: 70 });
    expect(rest?.samples.map(({ at }) => at)).to.deep.equal([70]);
  });

  it('says how many requests even the rest had no room for', () => {
    const ledger = new Ledger({ ...defaultLedgerLimits, cells: 3 });
    for (let i = 0; i < 10; i++) ledger.record(version, 'liar', { ...key, workload: `w${i}` }, sample(i));
    const total = ledger.counts(version).reduce((sum, { count }) => sum + count, 0);
    expect([total, ledger.lost, ledger.size]).to.deep.equal([6, 4, 6]);
  });

  it('forgets what did not happen for a day, and gives the places back', () => {
    const ledger = new Ledger({ ...defaultLedgerLimits, cellsPerOwner: 1 });
    ledger.record(version, 'o', key, sample(0));
    ledger.sweep([version], defaultLedgerLimits.keptMs);
    expect(ledger.size).to.equal(0);
    ledger.record(version, 'o', { ...key, path: '/b' }, sample(1));
    expect(ledger.counts(version).map(({ path }) => path)).to.deep.equal(['/b']);
  });
});
