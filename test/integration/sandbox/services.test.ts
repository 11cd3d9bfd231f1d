import { expect } from 'chai';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { eventually, exampleManifests, makeRunDir } from '../../support/sandbox.ts';

const replicas = `
apiVersion: v1
kind: Service
metadata: { name: many, namespace: default }
spec:
  selector: { app: many }
  ports: [{ name: http, port: 80, targetPort: web }]
---
apiVersion: v1
kind: Service
metadata: { name: each, namespace: default }
spec:
  clusterIP: None
  selector: { app: many }
  ports: [{ name: http, port: 8000 }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: many, namespace: default }
spec:
  replicas: 3
  template:
    metadata:
      labels: { app: many }
      annotations: { sandbox.coxswain.dev/command: httpbin --port 8000 }
    spec:
      containers: [{ name: app, ports: [{ name: web, containerPort: 8000 }] }]
`;

describe('services without a sidecar', () => {
  let stack: AsyncDisposableStack;
  let mesh: Sandbox;

  before(async () => {
    stack = new AsyncDisposableStack();
    const run = stack.use(await makeRunDir());
    mesh = stack.use(
      await Sandbox.up({
        name: 'services',
        manifests: [exampleManifests('httpbin'), { file: 'many.yaml', yaml: replicas }],
        controlPlane: 'none',
        runDir: run.path,
      }),
    );
  });

  after(async () => {
    await stack.disposeAsync();
  });

  for (const name of ['httpbin', 'httpbin.legacy', 'httpbin.legacy.svc', 'httpbin.legacy.svc.cluster.local']) {
    it(`answer by the name ${name}`, async () => {
      expect((await mesh.curl('sleep.legacy', `http://${name}:8000/status/204`)).status).to.equal(204);
    });
  }

  it('have no short name in another namespace', async () => {
    expect((await mesh.curl('many.default', 'http://httpbin:8000/ip')).exit).to.equal(6);
  });

  it('fail at once by a name that nobody has', async () => {
    const { exit, seconds } = await mesh.curl('sleep.legacy', 'http://nowhere.legacy/');
    expect({ exit, fast: seconds < 1 }).to.deep.equal({ exit: 6, fast: true });
  });

  it('see who calls, whatever the address that was called', async () => {
    const caller = mesh.pod('sleep.legacy').ip;
    const { body } = await mesh.curl('sleep.legacy', 'http://httpbin:8000/ip');
    expect(JSON.parse(body)).to.deep.equal({ origin: caller });
  });

  it('answer a pod that calls its own service', async () => {
    expect((await mesh.curl('httpbin.legacy', 'http://httpbin:8000/status/204')).status).to.equal(204);
  });

  it('carry TCP', async () => {
    const script = 'exec 3<>/dev/tcp/tcp-echo.legacy/9001; echo world >&3; head -n 1 <&3';
    const { code, stdout } = await mesh.exec('sleep.legacy', ['bash', '-c', script]);
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: 'hello world\n' });
  });

  it('share connections among their pods', async () => {
    const urls = Array.from({ length: 60 }, () => 'http://many/headers');
    const { stdout } = await mesh.exec('many-1.default', [
      'sh',
      '-c',
      'for url in "$@"; do curl -s -o /dev/null -w "%{remote_ip} %{local_ip}\\n" "$url"; done; ss -tn state time-wait 2>/dev/null | wc -l',
      'sh',
      ...urls,
    ]);
    expect(stdout.split('\n').filter((line) => line.startsWith('10.96.')).length).to.equal(60);
    const { stdout: rules } = await mesh.execOnNode(['iptables', '-t', 'nat', '-vnxL', 'SERVICES']);
    const used = [...rules.matchAll(/^\s*(\d+) .* to:(10\.77\.\S+):8000$/gm)];
    const many = used.filter(([, , ip]) => mesh.pods.some((pod) => pod.workload === 'many' && pod.ip === ip));
    expect(many.length).to.equal(3);
    expect(many.every(([, packets]) => Number(packets) > 0)).to.equal(true);
    expect(many.reduce((sum, [, packets]) => sum + Number(packets), 0)).to.equal(60);
  });

  it('resolve to their pods if they are headless', async () => {
    const { stdout } = await mesh.exec('sleep.legacy', ['getent', 'ahostsv4', 'each.default']);
    const found = new Set(
      stdout
        .split('\n')
        .flatMap((line) => line.split(' ', 1))
        .filter((each) => each !== ''),
    );
    expect([...found].toSorted()).to.deep.equal(mesh.pods.flatMap((pod) => (pod.workload === 'many' ? [pod.ip] : [])));
  });

  it('refuse where there is no endpoint, no such port, and no such address', async () => {
    for (const url of ['http://sleep.legacy/', 'http://httpbin:8001/', 'http://10.96.200.1/', 'http://192.0.2.1/']) {
      const { exit, seconds } = await mesh.curl('sleep.legacy', url);
      expect({ url, exit, fast: seconds < 1 }).to.deep.equal({ url, exit: 7, fast: true });
    }
  });

  it('come and go while the sandbox runs', async () => {
    const url = 'http://late.legacy:81/status/204';
    expect((await mesh.curl('sleep.legacy', url)).exit).to.equal(6);
    const files = await mesh.apply(`
apiVersion: v1
kind: Service
metadata: { name: late, namespace: legacy }
spec:
  selector: { app: httpbin }
  ports: [{ name: http, port: 81, targetPort: http }]
`);
    expect(files).to.deep.equal(['service.legacy.late.yaml']);
    expect((await mesh.curl('sleep.legacy', url)).status).to.equal(204);
    expect(await mesh.remove(...files)).to.equal(true);
    expect(await mesh.remove(...files)).to.equal(false);
    expect((await mesh.curl('sleep.legacy', url)).exit).to.equal(6);
  });

  it('leave out a pod that was deleted', async () => {
    const gone = mesh.pod('many-2.default').ip;
    await mesh.deletePod('many-2.default');
    const { stdout } = await mesh.execOnNode(['iptables', '-t', 'nat', '-S', 'SERVICES']);
    expect(stdout).not.to.include(gone);
    const statuses = await Promise.all(
      Array.from({ length: 12 }, () => mesh.curl('sleep.legacy', 'http://many.default/status/204')),
    );
    expect(statuses.map((each) => each.status)).to.deep.equal(Array.from({ length: 12 }, () => 204));
  });

  it('run commands without rights, which end with their time', async () => {
    const { stdout } = await mesh.exec('sleep.legacy', [
      'sh',
      '-c',
      'id -u; grep CapBnd /proc/self/status; hostname; cat',
    ]);
    expect(stdout).to.equal('61337\nCapBnd:\t0000000000000000\nsleep-1\n');
    expect((await mesh.exec('sleep.legacy', ['cat'], { input: 'through\n' })).stdout).to.equal('through\n');
    expect((await mesh.exec('sleep.legacy', ['sleep', '60'], { timeoutMs: 100 })).code).to.equal(137);
    await eventually('its child to end, too', async () => {
      const found = await mesh.exec('sleep.legacy', ['pgrep', '-x', 'sleep', '-u', '61337']);
      return found.stdout === '' ? true : undefined;
    });
    expect((await mesh.exec('sleep.legacy', ['no-such-program'])).code).to.equal(127);
  });
});
