import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { LAYERS } from '../../run/layers.ts';
import { add, failure, NOTHING, readCommand } from '../../run/result.ts';
import { checkTestFiles } from '../../run/test-files.ts';

const isEmpty = (record: object): boolean => Object.keys(record).length === 0;

describe('test runner', () => {
  describe('the verdict of a program', () => {
    it('is one test by its exit code', () => {
      expect(readCommand('all fine\n', 0)).to.deep.include({ passed: 1, failed: 0 });
      expect(readCommand('', 2)).to.deep.equal(failure('exit code 2'));
      expect(readCommand('', null)).to.deep.equal(failure('exit code none'));
    });

    it('is what its closing line says, if that fits its exit code', () => {
      expect(readCommand('3 passed, 0 failed\n', 0)).to.deep.include({ passed: 3, failed: 0 });
      expect(readCommand('3 passed, 2 failed\n', 1)).to.deep.include({ passed: 3, failed: 2 });
      expect(readCommand('3 passed, 0 failed\n', 1).failed).to.equal(1);
      expect(readCommand('3 passed, 2 failed\n', 0).failed).to.be.greaterThan(0);
      expect(readCommand('0 passed, 0 failed\n', 0)).to.deep.equal(failure('it ran nothing'));
    });
  });

  it('adds layers up', () => {
    const sum = add({ ...NOTHING, passed: 2 }, add(failure('a'), failure('b')));
    expect(sum).to.deep.equal({ passed: 2, failed: 2, pending: 0, notes: ['a', 'b'] });
  });

  it('names each layer once, and no folder twice but to run it in another way', () => {
    const names = LAYERS.map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
    const plain = LAYERS.flatMap((layer) => (layer.kind === 'mocha' && isEmpty(layer.env) ? [layer] : []));
    const folders = plain.map(({ folder }) => folder);
    for (const folder of folders) {
      expect(folders.filter((other) => `${other}/`.startsWith(`${folder}/`))).to.deep.equal([folder]);
    }
  });

  describe('test files', () => {
    let project: string;
    beforeEach(() => {
      project = mkdtempSync(join(tmpdir(), 'test-files-'));
    });
    afterEach(() => rmSync(project, { recursive: true }));

    function write(path: string, text: string): void {
      mkdirSync(dirname(join(project, path)), { recursive: true });
      writeFileSync(join(project, path), text);
    }

    it('that a layer loads are fine', () => {
      write('test/unit/a.test.ts', "describe('a', () => {});");
      write('test/support/b.ts', 'export const b = 1;');
      expect(checkTestFiles(project)).to.deep.equal([]);
    });

    it('that no layer loads are caught', () => {
      write('test/other/a.test.ts', "describe('a', () => {});");
      write('src/b.test.ts', "it('b');");
      write('test/unit/c.tests.ts', "describe('c', () => {});");
      expect(checkTestFiles(project)).to.deep.equal([
        'src/b.test.ts: loaded by no layer',
        'test/other/a.test.ts: loaded by no layer',
        'test/unit/c.tests.ts: has tests, but is not named *.test.ts, so no layer loads it',
      ]);
    });
  });
});
