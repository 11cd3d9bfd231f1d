import { expect } from 'chai';
import { markOf, parseReport, reportText } from '../../../../src/cluster/status/report-text.ts';
import { spread } from '../../../support/status-facts.ts';

const refused = spread('b', {
  applied: 3,
  enforced: 1,
  rejected: 1,
  refusals: [{ proxy: 'web-1.foo', words: 'no "x"' }],
});
const overridden = spread('a', { overridden: 2 });

describe('a replica report', () => {
  it('holds what concerns some proxy, in one order, and reads back', () => {
    const text = reportText([refused, spread('c'), overridden]);
    expect(text).to.equal(reportText([spread('c'), overridden, refused]));
    expect(parseReport(text)).to.deep.equal({
      omitted: 0,
      idle: new Set([markOf(spread('c'))]),
      spreads: new Map([
        ['a', overridden],
        ['b', refused],
      ]),
    });
    expect(parseReport(reportText([]))).to.deep.equal({ omitted: 0, idle: new Set(), spreads: new Map() });
  });

  it('is cut at its bound, and says how much is missing', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => spread(`AuthorizationPolicy/ünicode/p${i}`, { applied: 1 }));
    const text = reportText(many);
    expect(Buffer.byteLength(text)).to.be.within(890_000, 900_000);
    const read = parseReport(text);
    expect((read?.spreads.size ?? 0) + (read?.omitted ?? 0)).to.equal(20_000);
    expect(read?.omitted).to.be.greaterThan(0);
  });

  it('leaves out marks too where they do not fit', () => {
    const idle = Array.from({ length: 100 }, (_, i) => spread(`p${i}`, { uid: `uid ${i}` }));
    const read = parseReport(reportText([refused, ...idle], 1_000));
    expect(read?.spreads.size).to.equal(1);
    expect((read?.idle.size ?? 0) + (read?.omitted ?? 0)).to.equal(100);
    expect(read?.omitted).to.be.within(1, 99);
  });

  it('is believed whole or not at all', () => {
    const row = ['k', 'u', 1, 2, 1, 1, 0, []];
    const text = (value: unknown) => JSON.stringify({ version: 1, omitted: 0, policies: [value], idle: [] });
    expect(parseReport(text(row))?.spreads.size).to.equal(1);
    const bad: readonly unknown[] = [
      ['k', 'u', 1, 2, 2, 1, 0, []],
      ['k', 'u', 1, -2, 0, 0, 0, []],
      ['k', 'u', 1.5, 2, 1, 1, 0, []],
      [1, 'u', 1, 2, 1, 1, 0, []],
      ['k', 'u', 1, 2, 1, 1, 0],
      'row',
    ];
    for (const each of bad) expect(parseReport(text(each)), JSON.stringify(each)).to.equal(undefined);
    for (const each of [
      '',
      '{',
      '[]',
      '{"version":2,"omitted":0,"policies":[],"idle":[]}',
      '{"version":1,"policies":[],"idle":[]}',
      '{"version":1,"omitted":0,"policies":[]}',
    ])
      expect(parseReport(each), each).to.equal(undefined);
  });
});
