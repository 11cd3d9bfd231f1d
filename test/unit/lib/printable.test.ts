import { expect } from 'chai';
import { printable } from '../../../src/lib/printable.ts';

describe('printable texts', () => {
  it('have no character that moves, turns or hides what a terminal shows', () => {
    const hostile = '\u001b[2J\u009b2J\r\n\u202eabc\u200fd\u061ce\u200bf\u2060g\ufeff';
    expect(printable(hostile)).to.equal(
      '\\u001b[2J\\u009b2J\\u000d\\u000a\\u202eabc\\u200fd\\u061ce\\u200bf\\u2060g\\ufeff',
    );
  });

  it('keep the letters of all languages', () => expect(printable('/käse/日本/😀')).to.equal('/käse/日本/😀'));
});
