import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { exampleManifests, makeRunDir, startCli } from '../../support/sandbox.ts';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('coxswain sandbox', () => {
  let run: Awaited<ReturnType<typeof makeRunDir>>;

  before(async () => {
    run = await makeRunDir();
  });

  after(async () => {
    await coxswain('down', '--all');
    await run[Symbol.asyncDispose]();
  });

  async function coxswain(...args: readonly string[]): Promise<Ended> {
    const child = startCli(['sandbox', ...args], run.path);
    const ended = once(child, 'exit');
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { code: Number(code), stdout, stderr };
  }

  it('says what to do while nothing runs', async () => {
    expect(await coxswain('exec', 'sleep.default', '--', 'true')).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: 'coxswain: no sandbox is running\n  hint: start one: coxswain sandbox up EXAMPLE\n',
    });
    expect((await coxswain('status')).stdout).to.equal('no sandbox is running\n');
  });

  it('knows which examples there are', async () => {
    const { code, stderr } = await coxswain('up', 'no-such-example');
    expect({ code, stderr }).to.deep.equal({
      code: 1,
      stderr:
        'coxswain: no example "no-such-example"\n  hint: a folder, or one of authorization, bookinfo, browser-mtls, gateway, httpbin, istioinaction\n',
    });
  });

  it('stays up when it is detached', async () => {
    const { code, stdout, stderr } = await coxswain('up', 'istioinaction', '--detach', '--timings');
    expect({ code, stderr: stderr.replace(/ +\d+\.\d\d s/g, '') }).to.have.property('code', 0);
    expect(stdout).to.match(/istioinaction is up after \d+\.\d\d s\n {2}network of 3 pods/);
    const status = await coxswain('status', '-o', 'json');
    const [only] = JSON.parse(status.stdout);
    expect(
      only.pods.map((pod: { readonly name: string; readonly envoy: string }) => [pod.name, pod.envoy]),
    ).to.deep.equal([
      ['catalog-1', 'running'],
      ['sleep-1', 'none'],
      ['webapp-1', 'running'],
    ]);
  });

  it('runs commands in pods and ends as they do', async () => {
    const shop = await coxswain(
      'exec',
      'sleep.default',
      '--',
      'curl',
      '-s',
      'webapp.istioinaction/api/catalog',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
    );
    expect(shop).to.deep.equal({ code: 0, stdout: '200', stderr: '' });
    expect((await coxswain('exec', 'sleep.default', '--', 'sh', '-c', 'exit 56')).code).to.equal(56);
    const nobody = await coxswain('exec', 'nobody.default', '--', 'true');
    expect(nobody.stderr).to.include('pods: catalog-1.istioinaction, sleep-1.default, webapp-1.istioinaction');
  });

  it('applies and deletes objects by file and by name', async () => {
    const policy = `${exampleManifests('istioinaction')}/../policies/workload-permissive.yaml`;
    expect((await coxswain('apply', '-f', policy)).stdout).to.equal(
      'PeerAuthentication webapp.istioinaction applied\n',
    );
    expect(await readdir(`${run.path}/istioinaction/config/`)).to.include(
      'peerauthentication.istioinaction.webapp.yaml',
    );
    expect((await coxswain('delete', 'PeerAuthentication/webapp.istioinaction')).stdout).to.equal(
      'PeerAuthentication webapp.istioinaction deleted\n',
    );
    const again = await coxswain('delete', '-f', policy);
    expect({ code: again.code, stderr: again.stderr }).to.deep.equal({
      code: 1,
      stderr: 'coxswain: PeerAuthentication webapp.istioinaction is not in the live configuration\n',
    });
  });

  it('shows logs', async () => {
    expect((await coxswain('logs')).stdout).to.include('webapp-1.istioinaction');
    expect((await coxswain('logs', 'sleep.default')).stderr).to.equal('coxswain: no log sleep-1.default.app.log\n');
  });

  it('is gone after down', async () => {
    expect((await coxswain('down')).stdout).to.equal('istioinaction is down\n');
    expect(await readdir(run.path)).to.deep.equal([]);
    expect((await coxswain('down')).code).to.equal(1);
  });
});
