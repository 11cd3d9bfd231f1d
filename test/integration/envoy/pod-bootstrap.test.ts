import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { PodNetwork } from '../../support/pod-network.ts';
import { eventually } from '../../support/sandbox.ts';

describe('the bootstrap of an injected pod', () => {
  let pod: PodNetwork;
  before(async () => {
    pod = await PodNetwork.make('10.255.0.9');
  });
  after(() => pod[Symbol.asyncDispose]());

  /** Puts a root into the folder as the kubelet puts a ConfigMap there: `file -> ..data/file`, `..data` swapped in one step. */
  async function mount(folder: string, version: string, pem: string): Promise<void> {
    await mkdir(join(folder, `..${version}`), { recursive: true });
    await writeFile(join(folder, `..${version}`, 'root-cert.pem'), pem);
    await symlink(`..${version}`, join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  }

  async function trusted(): Promise<readonly string[]> {
    const { stdout } = await pod.run('curl', '-s', 'http://127.0.0.1:15000/certs');
    return [...stdout.matchAll(/"serial_number": "([0-9a-f]+)"/g)].map(([, serial = '']) => serial);
  }

  it('takes over a new mesh root without a restart', async () => {
    const folder = join(pod.dir, 'root');
    const first = await readFile(await pod.makeCertificate(), 'utf8');
    await mount(folder, 'one', first);
    await symlink('..data/root-cert.pem', join(folder, 'root-cert.pem'));
    const flags = ['--root-file', join(folder, 'root-cert.pem'), '--labels-file', join(pod.dir, 'none')];
    const { code, stderr } = await pod.init([...flags, '--xds', '127.0.0.1:1'], {});
    expect(code, stderr).to.equal(0);
    await pod.startEnvoy();
    const before = await eventually('a root', async () => {
      const serials = await trusted();
      return serials.length === 1 ? serials : undefined;
    });
    await rm(join(pod.dir, 'cert.pem'));
    await mount(folder, 'two', await readFile(await pod.makeCertificate(), 'utf8'));
    await eventually('another root', async () => {
      const serials = await trusted();
      return (serials.length === 1 && serials[0] !== before[0]) || undefined;
    });
  });
});
