import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { commands } from '../../../src/cli/commands.ts';
import { versionText } from '../../../src/cli/version.ts';
import { type CommandResult, runCommand } from '../../../src/sandbox/run-command.ts';
import { type BuiltImage, buildImage } from '../../support/dockerfile.ts';

const repository = new URL('../../../', import.meta.url).pathname.replace(/\/$/, '');
const file = async (name: string): Promise<string> => await readFile(join(repository, name), 'utf8');

describe('the container image', function () {
  this.timeout(300_000);
  let directory: string;
  let image: BuiltImage;

  before(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'coxswain-image-')));
    image = await buildImage(join(repository, 'Dockerfile'), repository, directory);
  });

  after(async () => {
    await rm(directory, { recursive: true });
  });

  /** The image's entry point with these arguments, from a folder and with an environment that know nothing of this one. */
  async function run(...args: readonly string[]): Promise<CommandResult> {
    const words = image.entrypoint.map((word) => (word.startsWith('/app/') ? join(image.root, word) : word));
    const node = words[0] === 'node' ? process.execPath : (words[0] ?? '');
    const env = { ...image.env, NODE_COMPILE_CACHE: join(directory, 'cache'), PATH: '/nowhere' };
    return await runCommand([node, ...words.slice(1), ...args], { env });
  }

  it('starts without any development package', async () => {
    const packages = await readdir(join(image.root, 'app', 'node_modules'));
    expect(packages).to.include('@kubernetes');
    expect(packages).not.to.include.members(['typescript', 'mocha', 'chai', '@biomejs']);
    expect(await run('version')).to.deep.equal({ code: 0, stdout: `${await versionText()}\n`, stderr: '' });
  });

  for (const { name } of commands) {
    it(`has all that \`coxswain ${name}\` loads at first`, async () => {
      const { code, stderr } = await run(name, '--help');
      expect([code, stderr]).to.deep.equal([0, '']);
    });
  }

  it('installs and prepares pods as the sources do', async () => {
    const here = await runCommand([join(repository, 'bin', 'coxswain'), 'install'], {
      env: { PATH: process.env['PATH'] ?? '' },
    });
    expect(await run('install')).to.deep.equal(here);
    const flags = [
      'init',
      '--dry-run',
      '--name',
      'a',
      '--namespace',
      'b',
      '--service-account',
      'c',
      '--ip',
      '10.0.0.1',
    ];
    const { code, stdout, stderr } = await run(...flags);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.include('# iptables-restore\n*nat\n');
  });

  it('loads all that the control plane is made of', async () => {
    // Fails for want of a cluster, and for nothing that is missing in the image.
    const { code, stderr } = await run('serve');
    expect([code, stderr.split('\n')[0]]).to.deep.equal([2, 'coxswain: no configuration given']);
    const load = `await import(${JSON.stringify(join(image.root, 'app/src/runtime.ts'))})`;
    const flags = image.entrypoint.slice(1, -1);
    const loaded = await runCommand([process.execPath, ...flags, '--input-type=module', '-e', load], { env: {} });
    expect([loaded.code, loaded.stderr]).to.deep.equal([0, '']);
  });

  it('holds what runs, and nothing else', async () => {
    expect((await readdir(join(image.root, 'app'))).sort()).to.deep.equal([
      'LICENSE',
      'generated',
      'node_modules',
      'package.json',
      'src',
    ]);
  });

  it('has the generated protobuf package as a link to JavaScript', async () => {
    const link = join(image.root, 'app/node_modules/@envoyproxy/protos');
    expect(await realpath(link)).to.equal(join(image.root, 'app/generated'));
    expect((await readdir(link)).filter((name) => name.endsWith('.ts'))).to.deep.equal([]);
  });

  it('runs as nobody in particular', () => {
    expect([image.user, image.cmd]).to.deep.equal(['1337:1337', ['serve']]);
  });

  it('is built on the Node that the project uses', async () => {
    const version = /^NODE_VERSION := (.*)$/m.exec(await file('Makefile'))?.[1];
    expect(image.bases).to.deep.equal(image.bases.map(() => `node:${version}-slim`));
    expect(await file('examples/kind/apps.Dockerfile')).to.include(`FROM node:${version}-slim\n`);
  });

  it('has iptables, which only a build with Docker proves', () => {
    expect(image.skipped.length).to.equal(1);
    expect(image.skipped[0]).to.include('install --yes --no-install-recommends iptables');
  });

  it('has the programs of the examples in another image', async () => {
    const apps = await buildImage(
      join(repository, 'examples/kind/apps.Dockerfile'),
      repository,
      join(directory, 'apps'),
    );
    const programs = await readdir(join(apps.root, 'app'));
    const manifests = await file('examples/kind/apps.yaml');
    const named = [...manifests.matchAll(/args: \["([^"]+)"/g)].map(([, name]) => name);
    expect(named).to.deep.equal(['catalog.ts', 'webapp.ts']);
    expect(programs).to.include.members(named);
  });
});

describe('scripts of examples/kind', () => {
  for (const name of ['up.sh', 'walk.sh', 'down.sh']) {
    it(`${name} is bash that stops at the first error`, async () => {
      const path = join(repository, 'examples/kind', name);
      const { code, stderr } = await runCommand(['bash', '-n', path], { env: { PATH: process.env['PATH'] ?? '' } });
      expect([code, stderr]).to.deep.equal([0, '']);
      expect((await readFile(path, 'utf8')).split('\n')).to.include('set -euo pipefail');
    });
  }
});
