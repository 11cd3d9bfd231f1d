import { expect } from 'chai';
import { table } from '../../../src/cli/table.ts';
import { printable } from '../../../src/lib/printable.ts';

describe('tables', () => {
  it('aligns columns and leaves no trailing space', () => {
    expect(
      table(
        ['NAME', 'STATE', 'NOTE'],
        [
          ['a', 'SYNCED', ''],
          ['longer.name', 'ERROR', 'x'],
        ],
      ),
    ).to.equal('NAME            STATE      NOTE\n' + 'a               SYNCED\n' + 'longer.name     ERROR      x\n');
  });

  it('prints the header alone where there are no rows', () => {
    expect(table(['A', 'B'], [])).to.equal('A     B\n');
  });

  it('counts characters, not code units', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['𝒳é', 'x'],
          ['abc', 'y'],
        ],
      ),
    ).to.equal('A       B\n𝒳é      x\nabc     y\n');
  });

  it('lets no cell move the cursor or turn the text around', () => {
    expect(printable('a\u001b[2Jb\nc\u202ed\u009b')).to.equal('a\\u001b[2Jb\\u000ac\\u202ed\\u009b');
    expect(table(['A'], [['x\ny']])).to.equal('A\nx\\u000ay\n');
  });
});
