import { readdir } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { findSandbox } from '../../../src/sandbox/run-dir.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { exampleManifests, hostState, makeRunDir, type ProcessId, startCli } from '../../support/sandbox.ts';
import * as traces from '../../support/sandbox-traces.ts';

describe('life of a sandbox with a Kubernetes API', () => {
  let run: Awaited<ReturnType<typeof makeRunDir>>;
  let before_: Readonly<Record<string, string>>;

  beforeEach(async () => {
    run = await makeRunDir();
    before_ = await hostState();
  });

  afterEach(async () => {
    await run[Symbol.asyncDispose]();
  });

  const up = (name: string): Promise<Sandbox> =>
    Sandbox.up({
      name,
      manifests: [exampleManifests('istioinaction')],
      controlPlane: 'none',
      kube: true,
      runDir: run.path,
    });

  const scene = (): traces.Scene => ({ runDir: run.path, hostBefore: before_ });
  const processesOf = (name: string) => traces.processesOf(scene(), name, 12);
  const expectNothingLeft = (processes: readonly ProcessId[]) => traces.expectNothingLeft(scene(), processes);

  it('shows nothing of itself on the host, and leaves nothing behind when it goes down', async () => {
    const sandbox = await up('plain');
    expect(await hostState()).to.deep.equal(before_);
    const processes = await processesOf('plain');
    await sandbox.down();
    await expectNothingLeft(processes);
  });

  it('leaves nothing behind when its first process is killed', async () => {
    await using _sandbox = await up('killed');
    const processes = await processesOf('killed');
    process.kill((await findSandbox(run.path, 'killed')).init, 'SIGKILL');
    await expectNothingLeft(processes);
  });

  it('leaves the files of the machine as they are: what a container writes is its own', async () => {
    await using sandbox = await up('layered');
    const word = 'written-by-a-sandbox';
    const root = { user: 'root' } as const;
    const { code } = await sandbox.exec('webapp.istioinaction', ['sh', '-c', `echo ${word} > /etc/${word}`], root);
    expect(code).to.equal(0);
    expect((await sandbox.exec('webapp.istioinaction', ['cat', `/etc/${word}`])).stdout).to.equal(`${word}\n`);
    expect((await sandbox.exec('catalog.istioinaction', ['cat', `/etc/${word}`])).code).to.equal(1);
    expect(await readdir('/etc')).not.to.include(word);
  });

  it('says why it did not come up, and leaves nothing behind', async () => {
    const container = { name: 'app', image: 'example/app', ports: [{ containerPort: 80 }] };
    const annotations = { 'sandbox.coxswain.dev/command': "sh -c 'echo no such luck; exit 3'" };
    const broken = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'broken', annotations },
      spec: { containers: [container] },
    };
    const manifests = [{ file: 'broken.yaml', yaml: JSON.stringify(broken) }];
    const error = await Sandbox.up({
      name: 'broken',
      manifests,
      controlPlane: 'none',
      kube: true,
      runDir: run.path,
    }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(String(error)).to.match(
      /^MeshError: container app of broken\.default ends again and again; its log ends with:\nno such luck/,
    );
    await expectNothingLeft([]);
  });

  it('lives on when its starter detached, until it is told to end', async () => {
    const coxswain = async (...args: readonly string[]): Promise<string> => {
      const cli = startCli(['sandbox', ...args], run.path);
      const [stdout, stderr] = await Promise.all([text(cli.stdout), text(cli.stderr)]);
      return stdout + stderr;
    };
    const up_ = await coxswain('up', 'istioinaction', '--kube', '--replicas', '1', '--detach');
    expect(up_).to.match(
      /istioinaction is up after \d+\.\d\d s\n {2}its API: coxswain sandbox kubectl -- get pods -A\n/,
    );
    const processes = await processesOf('istioinaction');
    const available = 'jsonpath={.status.availableReplicas} {.spec.replicas}';
    const args = ['get', 'deployment', '-n', 'istio-system', 'coxswain', '-o', available];
    expect(await coxswain('kubectl', '--', ...args)).to.equal('1 1');
    expect(await coxswain('status')).to.match(/^istioinaction: example istioinaction, control plane running\n/);
    expect(await coxswain('down')).to.equal('istioinaction is down\n');
    await expectNothingLeft(processes);
  });

  it('says which programs are missing, and how to get them', async () => {
    const error = await Sandbox.up({
      name: 'none',
      manifests: [],
      kube: { programs: '/nowhere' },
      runDir: run.path,
    }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.have.property('message', 'no etcd, kube-apiserver, kube-controller-manager in /nowhere');
    expect(error).to.have.property('hint', '`make kube` builds them; COXSWAIN_KUBE names another folder');
    expect(await readdir(run.path)).to.deep.equal([]);
  });
});
