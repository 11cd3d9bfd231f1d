import { expect } from 'chai';
import { readPaths, readText } from '../../../src/config/files.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { objectKey } from '../../../src/model/object.ts';
import { peerAuthenticationText as policy, TempDirectory } from '../../support/config-directory.ts';

async function failure(paths: readonly string[]): Promise<MeshError> {
  return MeshError.from(
    await readPaths(paths).then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
}

describe('reading paths once', () => {
  it('takes files, directories and standard input together', async () => {
    using directory = new TempDirectory();
    directory.write('sub/b.yaml', policy('b', 'STRICT'));
    directory.write('sub/deep/c.yaml', policy('c', 'STRIC'));
    directory.write('a.txt', policy('a', 'STRICT'));
    const read = await readPaths([directory.at('a.txt'), directory.at('sub'), '-'], {
      stdin: async () =>
        'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: s}\n',
      defaultNamespace: 'shop',
    });
    expect(read.objects.map(objectKey)).to.deep.equal([
      'PeerAuthentication/foo/a',
      'PeerAuthentication/foo/b',
      'PeerAuthentication/foo/c',
      'ServiceAccount/shop/s',
    ]);
    expect(read.findings.map(({ code, origin }) => [code, origin])).to.deep.equal([
      ['bad-value', { kind: 'file', path: directory.at('sub/deep/c.yaml'), line: 4 }],
      ['fails-closed', { kind: 'file', path: directory.at('sub/deep/c.yaml'), line: 1 }],
    ]);
    expect(read.unknown).to.deep.equal([{ apiVersion: 'apps/v1', kind: 'Deployment' }]);
  });

  it('reads a file once that is named twice', async () => {
    using directory = new TempDirectory();
    directory.write('a.yaml', policy('a', 'STRICT'));
    const read = await readPaths([directory.at('a.yaml'), directory.path]);
    expect([read.objects.length, read.findings]).to.deep.equal([1, []]);
  });

  it('says which path is missing', async () => {
    using directory = new TempDirectory();
    const path = directory.at('none.yaml');
    expect(await failure([path])).to.include({ code: 'not-found', message: `no such file or directory: ${path}` });
  });

  it('refuses a file that is larger than 8 MiB', async () => {
    using directory = new TempDirectory();
    directory.write('big.yaml', `# ${'x'.repeat(8 * 1024 * 1024)}\n`);
    const read = await readPaths([directory.path]);
    expect(read.findings.map(({ code, hint }) => [code, hint])).to.deep.equal([['file-too-large', 'split it']]);
  });

  it('reads thousands of manifests at a rate of many a millisecond', () => {
    const text = Array.from({ length: 5_000 }, (_, index) => policy(`p${index}`, 'STRICT')).join('---\n');
    const read = readText('big.yaml', text);
    expect([read.objects.length, read.findings]).to.deep.equal([5_000, []]);
  });
});
