import type { ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { appProbesVariable } from '../../../src/agent/app-probe.ts';
import { probesText, type RewrittenProbes } from '../../../src/inject/probes.ts';
import { isRecord } from '../../../src/lib/is-record.ts';
import { endProcess, PodNetwork } from '../../support/pod-network.ts';
import { eventually } from '../../support/sandbox.ts';

const repo = resolve(import.meta.dirname, '../../..');
const podAddress = '10.255.0.7';

/** What a pod's probes were before: one of each kind, and ways in which each goes wrong. */
const probes: RewrittenProbes = {
  '/app-health/web/readyz': { httpGet: { path: '/ready?deep=1', port: 8080 }, port: 8080 },
  '/app-health/web/livez': {
    httpGet: { path: '/live', port: 8080, httpHeaders: [{ name: 'Host', value: 'web.shop' }] },
    port: 8080,
  },
  '/app-health/web/startupz': { httpGet: { path: '/broken', port: 8080 }, port: 8080 },
  '/app-health/moved/readyz': { httpGet: { path: '/moved', port: 8080 }, port: 8080 },
  '/app-health/slow/readyz': { httpGet: { path: '/slow', port: 8080 }, port: 8080, timeoutSeconds: 1 },
  '/app-health/tls/readyz': { httpGet: { path: '/ready', port: 8443, scheme: 'HTTPS' }, port: 8443 },
  '/app-health/tcp/readyz': { tcpSocket: { port: 9000 }, port: 9000, periodSeconds: 1 },
  '/app-health/tcp/livez': { tcpSocket: { port: 9001 }, port: 9001, periodSeconds: 1 },
  '/app-health/grpc/readyz': { grpc: { port: 9090 }, port: 9090, periodSeconds: 1 },
  '/app-health/grpc/livez': { grpc: { port: 9090, service: 'down' }, port: 9090, periodSeconds: 1 },
  '/app-lifecycle/web/prestopz': { httpGet: { path: '/stop', port: 8080 }, port: 8080 },
};

describe('probes of an injected pod', () => {
  let pod: PodNetwork;
  let app: ChildProcess;

  before(async () => {
    pod = await PodNetwork.make(podAddress);
    const flags = ['--labels-file', join(pod.dir, 'none'), '--root-file', await pod.makeCertificate()];
    const init = await pod.init(flags, { [appProbesVariable]: probesText(probes) });
    expect(init, init.stderr).to.include({ code: 0 });
    await pod.startEnvoy();
  });
  after(() => pod[Symbol.asyncDispose]());

  async function curl(...args: readonly string[]): Promise<string> {
    return (await pod.run('curl', '-s', '--max-time', '5', '-w', '\n%{http_code}', ...args)).stdout;
  }

  async function ask(
    path: string,
    ...args: readonly string[]
  ): Promise<{ readonly code: number; readonly body: unknown }> {
    const lines = (await curl(`http://${podAddress}:15020${path}`, ...args)).split('\n');
    const text = lines.slice(0, -1).join('\n');
    return { code: Number(lines.at(-1)), body: text.startsWith('{') ? JSON.parse(text) : text };
  }

  /** Waits until the answer for a path has this code. */
  async function becomes(path: string, code: number): Promise<void> {
    await eventually(`${path} to answer ${code}`, async () => ((await ask(path)).code === code ? true : undefined));
  }

  it('fail while nothing listens, of whatever kind they are', async () => {
    for (const path of Object.keys(probes)) expect(await ask(path), path).to.include({ code: 503 });
  });

  describe('of an app that is up', () => {
    before(async () => {
      const main = join(repo, 'test/support/probe-app-main.ts');
      app = await pod.start(process.execPath, main, podAddress, join(pod.dir, 'key.pem'), join(pod.dir, 'cert.pem'));
    });

    it('ask over HTTP what the pod said, from where interception lets them by', async () => {
      expect(await ask('/app-health/web/readyz', '-H', 'x-probe: yes')).to.deep.equal({
        code: 200,
        body: { method: 'GET', url: '/ready?deep=1', host: `${podAddress}:8080`, probe: 'yes', from: '127.0.0.6' },
      });
    });

    it('keep a host name that the probe sets', async () => {
      const { code, body } = await ask('/app-health/web/livez');
      expect({ code, host: isRecord(body) ? body['host'] : undefined }).to.deep.equal({ code: 200, host: 'web.shop' });
    });

    it('hand on a failure, and one that comes too late', async () => {
      expect((await ask('/app-health/web/startupz')).code).to.equal(500);
      expect((await ask('/app-health/slow/readyz')).code).to.equal(504);
    });

    it('take a redirect for success, and lead nowhere', async () => {
      const stdout = await curl('-i', `http://${podAddress}:15020/app-health/moved/readyz`);
      expect(stdout).to.match(/^HTTP\/1.1 302 /);
      expect(stdout).to.not.match(/location:/i);
    });

    it('ask over TLS without looking at the certificate', async () => {
      expect((await ask('/app-health/tls/readyz')).code).to.equal(200);
    });

    it('connect over TCP', async () => {
      await becomes('/app-health/tcp/readyz', 200);
      expect((await ask('/app-health/tcp/livez')).code).to.equal(503);
    });

    it('ask over gRPC, a service by its name too', async () => {
      await becomes('/app-health/grpc/readyz', 200);
      expect((await ask('/app-health/grpc/livez')).code).to.equal(503);
    });

    it('pass hooks on as well', async () => {
      expect((await ask('/app-lifecycle/web/prestopz')).body).to.include({ url: '/stop' });
    });

    it('reach nothing that no probe names', async () => {
      const paths = [
        '/',
        '/ready',
        '/app-health',
        '/app-health/web',
        '/app-health/web/readyz/',
        '/app-health/web/other',
      ];
      for (const path of [...paths, '/app-health/web/readyz?x=1', '/app-health/web/readyz/../../../secret'])
        expect((await ask(path, '--path-as-is')).code, path).to.equal(404);
      expect((await ask('/app-health/web/readyz', '-X', 'POST')).code).to.equal(404);
    });

    it('are the only way past the sidecar: its own connections elsewhere in the pod are taken', async () => {
      const direct = await pod.run(
        'setpriv',
        '--reuid',
        '1337',
        '--clear-groups',
        '--',
        'curl',
        '-s',
        `http://${podAddress}:8080/`,
      );
      expect(direct.code).to.equal(7); // sent to port 15006, where nobody listens in this test
    });
  });

  describe('of an app that is gone again', () => {
    it('fail again when the app is gone', async () => {
      await endProcess(app);
      expect((await ask('/app-health/web/readyz')).code).to.equal(503);
      await becomes('/app-health/tcp/readyz', 503);
      await becomes('/app-health/grpc/readyz', 503);
    });
  });
});
