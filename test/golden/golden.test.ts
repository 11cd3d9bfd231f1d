import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { actualFiles, expectedFiles, goldenCases, updateFiles } from '../support/golden.ts';

// Each folder beside this file is a test: in.yaml (what an operator writes) and case.yaml (whom to look at) give out/.
// `UPDATE_GOLDEN=1 npx mocha …` writes out/ anew and deletes what no longer belongs there; read the diff before you commit.
const root = import.meta.dirname;
const update = process.env['UPDATE_GOLDEN'] === '1';

describe('golden', () => {
  for (const name of goldenCases(root)) {
    const folder = join(root, name);
    it(name, () => {
      if (update) updateFiles(folder);
      const expected = expectedFiles(folder);
      const actual = actualFiles(folder);
      expect([...actual.keys()], 'files in out/ (UPDATE_GOLDEN=1 writes them)').to.have.members([...expected.keys()]);
      for (const [file, text] of expected) expect(actual.get(file), file).to.equal(text);
    });
  }

  it('has a case for every sentence of its index', () => {
    const listed = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^- \[`([a-z-]+)`\]\(\1\/\): .+$/gm)].map(
      ([, name]) => name,
    );
    expect(listed).to.deep.equal(goldenCases(root));
  });
});
