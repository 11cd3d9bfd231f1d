import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { findPages } from '../../../examples/runner/find-pages.ts';
import { readPage } from '../../../examples/runner/run-example.ts';

const repository = join(import.meta.dirname, '../../..');
const examples = join(repository, 'examples');
const [plain, kube] = await Promise.all([findPages(examples, [], false), findPages(examples, [], true)]);
const paths = (pages: typeof plain.chosen): readonly string[] => pages.map(({ path }) => path);

/** The pages as pages; `make examples` runs them. */
describe('examples: the pages that we have', () => {
  it('are those of istioinaction and httpbin at least, and that of kube with Kubernetes', () => {
    expect(paths(plain.chosen)).to.include.members(['examples/istioinaction/README.md', 'examples/httpbin/README.md']);
    expect(paths(kube.chosen)).to.include.members(['examples/kube/README.md']);
  });

  for (const page of [...plain.chosen, ...kube.chosen]) {
    it(`${page.path} can be run`, () => {
      const { steps, problems } = readPage(page);
      expect(problems).to.deep.equal([]);
      expect(steps.length).to.be.greaterThan(8);
    });

    it(`${page.path} names only files that are there`, () => {
      const named = page.markdown.match(/examples\/[-\w./]*\.(?:yaml|sh)/g) ?? [];
      expect(named.filter((file) => !existsSync(join(repository, file)))).to.deep.equal([]);
    });
  }
});
