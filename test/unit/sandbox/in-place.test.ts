import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { writeInPlace } from '../../../src/sandbox/in-place.ts';

describe('writing a file in place', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'coxswain-in-place-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('makes it, makes it longer and shorter, and keeps it the same file', async () => {
    const file = join(folder, 'hosts');
    await writeInPlace(file, '10.0.0.1 a\n');
    const { ino } = statSync(file);
    for (const text of ['10.0.0.1 a\n10.0.0.2 b\n', '10.0.0.2 b\n', '']) {
      await writeInPlace(file, text);
      expect([readFileSync(file, 'utf8'), statSync(file).ino]).to.deep.equal([text, ino]);
    }
  });

  it('never shows a reader an empty file', async () => {
    const file = join(folder, 'hosts');
    const states = ['10.0.0.1 first\n'.repeat(40), '10.0.0.2 second\n'.repeat(7), '10.0.0.3 third\n'.repeat(90)];
    await writeInPlace(file, states[0] ?? '');
    let writing = true;
    let empty = 0;
    let looks = 0;
    const reader = (async () => {
      while (writing) {
        looks += 1;
        if (readFileSync(file, 'utf8').trim() === '') empty += 1;
        await setImmediate();
      }
    })();
    for (let index = 0; index < 300; index++) await writeInPlace(file, states[index % states.length] ?? '');
    writing = false;
    await reader;
    expect(empty).to.equal(0);
    expect(looks).to.be.greaterThan(1);
  });
});
