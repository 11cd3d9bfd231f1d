import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { kubeconfigPath } from '../../../src/cli/kubeconfig.ts';
import { installManifests } from '../../../src/install/manifests.ts';
import { defaultInstallOptions } from '../../../src/install/options.ts';
import { manifestsText } from '../../../src/install/text.ts';
import { cli } from './run-cli.ts';

let directory = '';
const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(directory, name), text);
  return join(directory, name);
};

describe('install', () => {
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coxswain-install-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  it('prints everything as YAML', async () => {
    expect(await cli(['install'])).to.deep.equal({
      code: 0,
      stdout: manifestsText(installManifests(defaultInstallOptions), 'yaml'),
      stderr: '',
    });
  });

  it('takes its flags', async () => {
    const flags = ['--namespace', 'mesh', '--replicas', '3', '--image', 'a:1', '--proxy-image', 'b:2', '--no-crds'];
    const options = { ...defaultInstallOptions, namespace: 'mesh', replicas: 3, image: 'a:1', proxyImage: 'b:2' };
    const { stdout } = await cli(['install', ...flags, '--log-level', 'debug', '-o', 'json']);
    expect(JSON.parse(stdout).items).to.deep.equal(
      JSON.parse(JSON.stringify(installManifests({ ...options, logLevel: 'debug', crds: false }))),
    );
  });

  it('takes mesh settings as they are written', async () => {
    const text = '# ours\ntrustDomain: example.org\n';
    const { stdout } = await cli(['install', '--no-crds', '--mesh', await file('mesh.yaml', text), '-o', 'json']);
    const found = JSON.parse(stdout).items.find((item: { readonly kind: string }) => item.kind === 'ConfigMap');
    expect(found.data).to.deep.equal({ mesh: text });
  });

  it('refuses mesh settings that the control plane could not read', async () => {
    const { code, stderr } = await cli(['install', '--mesh', await file('mesh.yaml', 'trustDomian: example.org\n')]);
    expect(code).to.equal(2);
    expect(stderr).to.include('mesh.yaml:1: trustDomian: unknown field');
  });

  it('refuses mesh settings of another root namespace, spoken or not', async () => {
    const path = await file('mesh.yaml', 'rootNamespace: istio-system\n');
    const { code, stderr } = await cli(['install', '--namespace', 'mesh', '--mesh', path]);
    expect(code).to.equal(2);
    expect(stderr).to.include('says rootNamespace: istio-system, but --namespace is mesh');
    const silent = await file('silent.yaml', 'trustDomain: example.org\n');
    expect((await cli(['install', '--namespace', 'mesh', '--mesh', silent])).code).to.equal(0);
  });

  for (const [flag, value, words] of [
    ['--replicas', '0', 'write a number from 1 to 100'],
    ['--replicas', 'two', 'write a number from 1 to 100'],
    ['--namespace', 'Mesh', 'use lower-case letters'],
    ['--image', 'a b', 'write it like repository:tag'],
    ['--timeout', '-1', 'write a number of seconds'],
    ['--log-level', 'loud', 'debug, info, warn, error, silent'],
  ] as const) {
    it(`refuses ${flag} ${value}`, async () => {
      const { code, stdout, stderr } = await cli(['install', flag, value]);
      expect([code, stdout]).to.deep.equal([2, '']);
      expect(stderr).to.include(words);
    });
  }

  for (const flag of [['--dry-run'], ['--wait'], ['--kubeconfig', 'x'], ['--context', 'x']]) {
    it(`refuses ${flag.join(' ')} where nothing is applied`, async () => {
      const { code, stderr } = await cli(['install', ...flag]);
      expect([code, stderr]).to.deep.equal([
        2,
        `coxswain: ${flag[0]} needs --apply\n  hint: add --apply, or leave out ${flag[0]}\n`,
      ]);
    });
  }

  it('says which kubeconfig it could not use', async () => {
    const path = join(directory, 'none');
    const { code, stderr } = await cli(['install', '--apply', '--kubeconfig', path]);
    expect(code).to.equal(2);
    expect(stderr).to.include(`can't use ${path}`);
  });
});

describe('uninstall', () => {
  it('refuses a namespace that can be none', async () => {
    expect((await cli(['uninstall', '--namespace', 'a/b'])).code).to.equal(2);
  });
});

describe('kubeconfigPath', () => {
  it('is the flag, then the first of KUBECONFIG, then the file in the home folder', () => {
    const env = { KUBECONFIG: ':/a:/b', HOME: '/home/me' };
    expect(kubeconfigPath({ kubeconfig: '/c' }, env)).to.equal('/c');
    expect(kubeconfigPath({}, env)).to.equal('/a');
    expect(kubeconfigPath({}, { HOME: '/home/me' })).to.equal('/home/me/.kube/config');
  });
});
