import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { readPage } from '../../../examples/runner/run-example.ts';

const repository = join(import.meta.dirname, '../../..');
const examples = globSync('*/manifests', { cwd: join(repository, 'examples') }).map((path) => dirname(path));

/** The pages as pages; `make examples` runs them. */
describe('examples: the pages that we have', () => {
  it('are those of istioinaction and httpbin at least', () => {
    expect(examples).to.include.members(['istioinaction', 'httpbin']);
  });

  for (const example of examples) {
    const path = `examples/${example}/README.md`;
    const markdown = readFileSync(join(repository, path), 'utf8');

    it(`${path} can be run`, () => {
      const { steps, problems } = readPage({ example, path, markdown });
      expect(problems).to.deep.equal([]);
      expect(steps.length).to.be.greaterThan(20);
    });

    it(`${path} names only files that are there`, () => {
      const named = markdown.match(/examples\/[-\w./]*\.(?:yaml|sh)/g) ?? [];
      expect(named.filter((file) => !existsSync(join(repository, file)))).to.deep.equal([]);
    });
  }
});
