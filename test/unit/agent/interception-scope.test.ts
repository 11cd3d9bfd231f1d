import { expect } from 'chai';
import fc from 'fast-check';
import {
  parseInterfaces,
  parsePortList,
  parsePorts,
  parseRangeList,
  parseRanges,
} from '../../../src/agent/interception-scope.ts';

describe('agent/interception-scope', () => {
  it('reads lists, and `*` where everything can be meant', () => {
    expect(parsePorts('*')).to.deep.equal({ ok: true, value: '*' });
    expect(parseRanges(' * ')).to.deep.equal({ ok: true, value: '*' });
    expect(parsePorts('080, 443,,443')).to.deep.equal({ ok: true, value: ['80', '443'] });
    expect(parsePortList('')).to.deep.equal({ ok: true, value: [] });
    expect(parseRangeList('10.0.0.0/08,::/0')).to.deep.equal({ ok: true, value: ['10.0.0.0/8', '::/0'] });
    expect(parsePortList('*').ok).to.equal(false);
    expect(parseRangeList('*').ok).to.equal(false);
  });

  it('lets nothing through that could end a rule, or be a flag', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const parse of [parsePortList, parseRangeList, parseInterfaces]) {
          const result = parse(text);
          if (result.ok) for (const item of result.value) expect(item).to.match(/^[A-Za-z0-9_][A-Za-z0-9_.@:+/-]*$/);
        }
      }),
    );
  });
});
