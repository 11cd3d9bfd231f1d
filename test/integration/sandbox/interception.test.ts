import { expect } from 'chai';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { exampleManifests, makeRunDir } from '../../support/sandbox.ts';
import { passthroughEnvoy } from '../../support/sandbox-envoy.ts';

const injected = ['httpbin-1.foo', 'sleep-1.foo', 'tcp-echo-1.foo', 'httpbin-1.bar', 'sleep-1.bar', 'tcp-echo-1.bar'];

describe('interception', () => {
  let stack: AsyncDisposableStack;
  let mesh: Sandbox;

  before(async () => {
    stack = new AsyncDisposableStack();
    const run = stack.use(await makeRunDir());
    mesh = stack.use(
      await Sandbox.up({
        name: 'interception',
        manifests: [exampleManifests('httpbin')],
        controlPlane: 'none',
        envoyConfigs: Object.fromEntries(injected.map((pod) => [pod, passthroughEnvoy()])),
        runDir: run.path,
      }),
    );
  });

  after(async () => {
    await stack.disposeAsync();
  });

  /** Connections that the pod's Envoy has taken so far, by the direction that its statistics name. */
  async function connections(pod: string): Promise<Readonly<Record<'inbound' | 'outbound' | 'blackhole', number>>> {
    const { body } = await mesh.envoyAdmin(pod, '/stats?filter=^tcp\\..*downstream_cx_total$');
    const of = (name: string): number =>
      Number(new RegExp(`tcp\\.${name}\\.downstream_cx_total: (\\d+)`).exec(body)?.[1]);
    return { inbound: of('inbound'), outbound: of('outbound'), blackhole: of('blackhole') };
  }

  /** What a call adds to them. */
  async function counted(pod: string, call: () => Promise<void>): Promise<Readonly<Record<string, number>>> {
    const earlier = await connections(pod);
    await call();
    const later = await connections(pod);
    return {
      inbound: later.inbound - earlier.inbound,
      outbound: later.outbound - earlier.outbound,
      blackhole: later.blackhole - earlier.blackhole,
    };
  }

  const calls = (from: string, url: string, status: number) => async (): Promise<void> => {
    expect((await mesh.curl(from, url)).status).to.equal(status);
  };

  it('brings what comes in to the sidecar', async () => {
    const call = calls('sleep.legacy', 'http://httpbin.foo:8000/status/204', 204);
    expect(await counted('httpbin.foo', call)).to.deep.equal({ inbound: 1, outbound: 0, blackhole: 0 });
  });

  it('brings what goes out to the sidecar', async () => {
    const call = calls('sleep.foo', 'http://httpbin.legacy:8000/status/204', 204);
    expect(await counted('sleep.foo', call)).to.deep.equal({ inbound: 0, outbound: 1, blackhole: 0 });
  });

  it('passes a call to its own service out and in again, once', async () => {
    const call = calls('httpbin.foo', 'http://httpbin:8000/status/204', 204);
    const { inbound, outbound } = await counted('httpbin.foo', call);
    expect({ inbound, outbound }).to.deep.equal({ inbound: 1, outbound: 1 });
  });

  it('leaves an app that talks to itself alone', async () => {
    const none = { inbound: 0, outbound: 0, blackhole: 0 };
    const call = calls('httpbin.foo', 'http://127.0.0.1:8000/status/204', 204);
    expect(await counted('httpbin.foo', call)).to.deep.equal(none);
  });

  it('lets the sidecar itself out', async () => {
    const call = async (): Promise<void> => {
      const { stdout } = await mesh.exec(
        'sleep.foo',
        ['curl', '-s', 'http://httpbin.legacy:8000/status/204', '-w', '%{http_code}'],
        { user: 'proxy' },
      );
      expect(stdout).to.equal('204');
    };
    expect(await counted('sleep.foo', call)).to.deep.equal({ inbound: 0, outbound: 0, blackhole: 0 });
  });

  it('does not go round in circles for whoever calls the listeners themselves', async () => {
    for (const port of [15001, 15006]) {
      const call = async (): Promise<void> => {
        const { exit } = await mesh.curl('sleep.legacy', `http://${mesh.pod('httpbin.foo').ip}:${port}/`);
        expect(exit).to.be.oneOf([52, 56]);
      };
      const { inbound, blackhole } = await counted('httpbin.foo', call);
      expect({ port, inbound, blackhole }).to.deep.equal({ port, inbound: 0, blackhole: 1 });
    }
  });

  it('leaves the health port alone', async () => {
    const call = calls('sleep.legacy', `http://${mesh.pod('httpbin.foo').ip}:15021/healthz/ready`, 200);
    expect(await counted('httpbin.foo', call)).to.deep.equal({ inbound: 0, outbound: 0, blackhole: 0 });
  });

  it('leaves no way round by IPv6', async () => {
    for (const pod of ['httpbin.foo', 'sleep.legacy']) {
      const { stdout } = await mesh.exec(pod, ['sh', '-c', 'cat /proc/net/if_inet6']);
      expect({ pod, stdout }).to.deep.equal({ pod, stdout: '' });
    }
  });

  it('fails closed while the sidecar is down', async () => {
    await mesh.killEnvoy('httpbin.bar');
    expect((await mesh.curl('sleep.legacy', 'http://httpbin.bar:8000/ip')).exit).to.equal(7);
    expect((await mesh.curl('httpbin.bar', 'http://httpbin.legacy:8000/ip')).exit).to.equal(7);
    expect(mesh.pod('httpbin.bar').envoy).to.equal('down');
    await mesh.startEnvoy('httpbin.bar');
    expect((await mesh.curl('sleep.legacy', 'http://httpbin.bar:8000/status/204')).status).to.equal(204);
  });

  it('shows on the cable what an eavesdropper would see', async () => {
    await using capture = await mesh.capture('httpbin.legacy', 'tcp port 8000');
    await mesh.curl('sleep.legacy', 'http://httpbin:8000/anything?secret=plain');
    expect(await capture.stop()).to.include('GET /anything?secret=plain');
  });

  it('has each Envoy run as user 1337', async () => {
    const { stdout } = await mesh.exec('httpbin.foo', ['ps', '-o', 'uid=,gid=', '-C', 'envoy']);
    expect(stdout.trim().split(/\s+/)).to.deep.equal(['1337', '1337']);
  });
});
