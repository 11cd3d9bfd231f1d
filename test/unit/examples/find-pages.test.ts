import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { findPages } from '../../../examples/runner/find-pages.ts';

const plain = '```console\n$ coxswain sandbox up plain --detach\n$ coxswain sandbox down\n```\n';
const kube = plain.replace('up plain', 'up plain --kube');

const tree: Readonly<Record<string, string>> = {
  'plain/README.md': plain,
  'plain/manifests/a.yaml': '',
  'silent/manifests/a.yaml': '',
  'kube/README.md': kube,
  'kind/README.md': '```sh\nup.sh\n```\n',
  'apps/a.ts': '',
};

describe('examples: finding pages', () => {
  let folder = '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coxswain-pages-'));
    for (const [file, text] of Object.entries(tree)) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), text);
    }
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const found = async (names: readonly string[], withKube: boolean): Promise<unknown> => {
    const { chosen, skipped } = await findPages(folder, names, withKube);
    return [chosen.map(({ path }) => path), skipped.map(({ path }) => path)];
  };
  const failure = async (names: readonly string[], withKube: boolean): Promise<string> =>
    await findPages(folder, names, withKube).then(
      () => 'none',
      (thrown: unknown) => String(thrown),
    );

  it('takes every folder with manifests, page or not, and skips what needs Kubernetes', async () => {
    expect(await found([], false)).to.deep.equal([
      ['examples/plain/README.md', 'examples/silent/README.md'],
      ['examples/kube/README.md'],
    ]);
  });

  it('takes only what needs Kubernetes when told so', async () => {
    expect(await found([], true)).to.deep.equal([['examples/kube/README.md'], []]);
  });

  it('knows which example a page must start', async () => {
    const { chosen } = await findPages(folder, ['plain'], false);
    expect(chosen).to.deep.equal([{ example: 'plain', path: 'examples/plain/README.md', markdown: plain }]);
    const { chosen: free } = await findPages(folder, ['kube'], true);
    expect(free).to.deep.equal([{ example: undefined, path: 'examples/kube/README.md', markdown: kube }]);
  });

  it('refuses names that it could not run', async () => {
    expect(await failure(['nobody'], false)).to.equal('Error: no example nobody: choose from kube, plain, silent');
    expect(await failure(['kube'], false)).to.equal('Error: kube: needs Kubernetes, so add --kube');
    expect(await failure(['plain'], true)).to.equal('Error: plain: runs without --kube');
  });
});
