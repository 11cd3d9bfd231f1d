import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { ownText } from '../../../src/telemetry/own-text.ts';

/** Keeps a thousand short texts out of long ones, and says how many bytes of the long ones' letters stayed in memory with each. */
const program = `
const { ownText } = await import(${JSON.stringify(new URL('../../../src/telemetry/own-text.ts', import.meta.url).href)});
const size = () => (gc(), process.memoryUsage().heapUsed);
const kept = [];
const before = size();
for (let i = 0; i < 1000; i++) kept.push(ownText(Buffer.alloc(60_000, 'a').toString().slice(0, 40), 40));
console.log(Math.round((size() - before) / kept.length));
`;

describe('texts of others that are kept', () => {
  it('are printable and of bounded length', () => {
    expect([
      ownText('/a', 5),
      ownText('/abcdef', 5),
      ownText('a\u001b[2J', 20),
      ownText('\u001b\u001b', 5),
    ]).to.deep.equal(['/a', '/abc…', 'a\\u001b[2J', '\\u00…']);
  });

  it('do not hold on to the messages that they came in', () => {
    const { stdout } = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '--eval', program], {
      encoding: 'utf8',
    });
    expect(Number(stdout)).to.be.within(-1_000, 5_000);
    expect(stdout.trim()).to.match(/^-?\d+$/);
  });
});
