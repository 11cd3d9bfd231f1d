import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { MeshError } from '../../../src/lib/errors.ts';
import { findSandbox } from '../../../src/sandbox/run-dir.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import {
  alive,
  eventually,
  exampleManifests,
  family,
  hostState,
  makeRunDir,
  type ProcessId,
  startCli,
} from '../../support/sandbox.ts';
import * as traces from '../../support/sandbox-traces.ts';

const manifests = [exampleManifests('httpbin')];

describe('life of a sandbox', () => {
  let run: Awaited<ReturnType<typeof makeRunDir>>;
  let before_: Readonly<Record<string, string>>;

  beforeEach(async () => {
    run = await makeRunDir();
    before_ = await hostState();
  });

  afterEach(async () => {
    await run[Symbol.asyncDispose]();
  });

  const up = (name: string, more: object = {}): Promise<Sandbox> =>
    Sandbox.up({ name, manifests, controlPlane: 'none', runDir: run.path, ...more });

  const scene = (): traces.Scene => ({ runDir: run.path, hostBefore: before_ });
  const processesOf = (name: string) => traces.processesOf(scene(), name, 20);
  const expectNothingLeft = (processes: readonly ProcessId[]) => traces.expectNothingLeft(scene(), processes);

  it('leaves nothing behind when it goes down', async () => {
    const sandbox = await up('plain');
    const processes = await processesOf('plain');
    await sandbox.down();
    expect(await alive(processes)).to.deep.equal([]);
    expect(await readdir(run.path)).to.deep.equal([]);
    expect(await hostState()).to.deep.equal(before_);
  });

  it('shows nothing of itself on the host while it runs', async () => {
    await using sandbox = await up('hidden');
    expect(await hostState()).to.deep.equal(before_);
    expect(sandbox.pods.length).to.equal(9);
    expect(await readdir(`${run.path}/hidden`)).to.have.members(['config', 'control.sock', 'logs', 'record.json']);
    expect(await readdir(`${sandbox.configLink}/`)).to.include('pod.foo.httpbin-1.yaml');
  });

  it('leaves nothing behind when its supervisor is killed', async () => {
    await using _sandbox = await up('killed');
    const processes = await processesOf('killed');
    const supervisor = await processWith(processes, 'supervisor.ts');
    process.kill(supervisor, 'SIGKILL');
    await expectNothingLeft(processes);
  });

  it('leaves nothing behind when unshare is killed', async () => {
    await using _sandbox = await up('unshared');
    const processes = await processesOf('unshared');
    process.kill((await findSandbox(run.path, 'unshared')).pid, 'SIGKILL');
    await expectNothingLeft(processes);
  });

  for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM'] as const) {
    it(`ends with its starter: ${signal}`, async () => {
      const cli = startCli(['sandbox', 'up', 'httpbin'], run.path);
      const output = text(cli.stdout);
      const ended = once(cli, 'exit');
      await eventually('it to be up', () => findSandbox(run.path, 'httpbin').catch(() => undefined), 20_000);
      await eventually('all apps', async () => ((await family(cli.pid ?? 0)).length > 20 ? true : undefined));
      const processes = await family((await findSandbox(run.path, 'httpbin')).pid);
      cli.kill(signal);
      await ended;
      await expectNothingLeft(processes);
      await output;
    });
  }

  it('is two at a time if asked, with the same addresses and no contact', async () => {
    await using first = await up('first');
    await using second = await up('second');
    expect(second.pods.map((pod) => pod.ip)).to.deep.equal(first.pods.map((pod) => pod.ip));
    await first.deletePod('httpbin.legacy');
    const url = 'http://httpbin.legacy:8000/status/204';
    expect((await first.curl('sleep.legacy', url)).exit).to.equal(7);
    expect((await second.curl('sleep.legacy', url)).status).to.equal(204);
  });

  it('refuses a name that is taken, without harm to its owner', async () => {
    await using sandbox = await up('taken');
    const error = await up('taken').then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(MeshError).with.property('message', 'a sandbox named taken is there already');
    expect((await sandbox.curl('sleep.legacy', 'http://httpbin:8000/status/204')).status).to.equal(204);
  });

  it('says why it did not come up, and leaves nothing behind', async () => {
    const broken = `
apiVersion: v1
kind: Pod
metadata:
  name: broken
  annotations: { sandbox.coxswain.dev/command: sh -c 'echo no such luck >&2; exit 3' }
spec:
  containers: [{ name: app, ports: [{ containerPort: 80 }] }]
`;
    const error = await up('broken', { manifests: [{ file: 'broken.yaml', yaml: broken }] }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(MeshError);
    expect(error instanceof MeshError ? error.message : '').to.equal(
      'app of broken-1.default ended; its log ends with:\nno such luck'.replace('broken-1', 'broken'),
    );
    await expectNothingLeft([]);
  });

  it('can be given up while it starts', async () => {
    const stop = new AbortController();
    const steps: string[] = [];
    const error = await up('early', {
      signal: stop.signal,
      onProgress: ({ step }: { readonly step: string }) => {
        steps.push(step);
        stop.abort(new Error('changed my mind'));
      },
    }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(Error).with.property('message', 'changed my mind');
    expect(steps).to.deep.equal(['network of 9 pods']);
    await expectNothingLeft([]);
  });

  it('brings back what dies by itself', async () => {
    await using sandbox = await up('restarted');
    const url = 'http://httpbin:8000/status/204';
    const killed = await sandbox.exec('httpbin.legacy', ['pkill', '-KILL', '-f', 'httpbin.ts'], { user: 'root' });
    expect(killed.code).to.equal(0);
    expect((await sandbox.curl('sleep.legacy', url)).exit).to.equal(7);
    await eventually('the app to be back', async () =>
      (await sandbox.curl('sleep.legacy', url)).status === 204 ? true : undefined,
    );
  });
});

async function processWith(processes: readonly ProcessId[], word: string): Promise<number> {
  for (const { pid } of processes) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    if (words[0]?.endsWith('node') === true && words.some((each) => each.endsWith(word))) return pid;
  }
  throw new Error(`no process with ${word}`);
}
