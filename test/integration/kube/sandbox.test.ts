import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { PodStatus } from '../../../src/sandbox/protocol.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { eventually, makeRunDir } from '../../support/sandbox.ts';

const basics = `
apiVersion: v1
kind: Namespace
metadata: { name: foo }
---
apiVersion: v1
kind: Pod
metadata: { name: sleep, namespace: foo }
spec: { containers: [{ name: sleep, image: curlimages/curl, command: [/bin/sleep, infinity] }] }
`;

/** A Deployment behind a Service, as a user would write it. */
function web(
  name: string,
  more: { readonly container?: object; readonly pod?: object; readonly replicas?: number } = {},
): string {
  const labels = { app: name };
  const container = {
    name: 'web',
    image: 'example/web:1',
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/status/200', port: 'http' }, periodSeconds: 1 },
    ...more.container,
  };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: 'foo' },
        spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
      },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, namespace: 'foo' },
        spec: {
          replicas: more.replicas ?? 1,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels, annotations: { 'sandbox.coxswain.dev/command': 'httpbin --port 8080' } },
            spec: { containers: [container], ...more.pod },
          },
        },
      },
    ],
  });
}

describe('a sandbox with a Kubernetes API', () => {
  let stack: AsyncDisposableStack;
  let sandbox: Sandbox;

  before(async () => {
    stack = new AsyncDisposableStack();
    const run = stack.use(await makeRunDir());
    sandbox = stack.use(
      await Sandbox.up({
        name: 'kube',
        manifests: [{ file: 'basics.yaml', yaml: basics }],
        runDir: run.path,
        controlPlane: 'none',
        // A token of ten minutes is replaced after some three seconds.
        kube: { tokenLifeShare: 0.005 },
      }),
    );
  });

  after(async () => {
    await stack.disposeAsync();
  });

  async function kubectl(args: readonly string[], input = ''): Promise<string> {
    const { code, stdout, stderr } = await sandbox.kubectl(args, { input, timeoutMs: 60_000 });
    expect({ code, stderr: code === 0 ? '' : stderr }).to.deep.equal({ code: 0, stderr: '' });
    return stdout;
  }

  const applied = (yaml: string): Promise<string> => kubectl(['apply', '-f', '-'], yaml);
  const value = async (path: string, ...object: readonly string[]): Promise<string> =>
    await kubectl(['get', '-n', 'foo', ...object, '-o', `jsonpath=${path}`]);
  const rollout = (name: string): Promise<string> =>
    kubectl(['rollout', 'status', '-n', 'foo', `deployment/${name}`, '--timeout=40s']);

  async function podsOf(workload: string): Promise<readonly PodStatus[]> {
    return (await sandbox.refresh()).pods.filter((pod) => pod.workload === workload);
  }

  it('makes the pods of a Deployment that kubectl applies, and leads its service to them', async () => {
    await applied(web('first'));
    await rollout('first');
    const [pod] = await podsOf('first');
    expect((await sandbox.curl('sleep.foo', 'http://first/status/204')).status).to.equal(204);
    expect((await sandbox.curl('sleep.foo', 'http://first.foo.svc.cluster.local/status/204')).status).to.equal(204);
    const shown = await value(
      '{.items[*].status.podIP} {.items[*].status.phase} {.items[*].spec.nodeName}',
      'pods',
      '-l',
      'app=first',
    );
    expect(shown).to.equal(`${pod?.ip} Running sandbox`);
    expect(await kubectl(['get', 'pods', '-n', 'foo', '-l', 'app=first', '--no-headers'])).to.match(
      / 1\/1 +Running +0 /,
    );
  });

  it('scales', async () => {
    await applied(web('scaled'));
    await rollout('scaled');
    await kubectl(['scale', '-n', 'foo', 'deployment/scaled', '--replicas=3']);
    await rollout('scaled');
    const ips = (await podsOf('scaled')).map((each) => each.ip).sort();
    expect(new Set(ips).size).to.equal(3);
    await eventually('the slice to hold all three', async () => {
      const slice = await value(
        '{.items[*].endpoints[*].addresses[0]}',
        'endpointslices',
        '-l',
        'kubernetes.io/service-name=scaled',
      );
      return slice.split(' ').sort().join() === ips.join() ? true : undefined;
    });
    await kubectl(['scale', '-n', 'foo', 'deployment/scaled', '--replicas=0']);
    await eventually('all to go', async () => ((await podsOf('scaled')).length === 0 ? true : undefined), 40_000);
    await eventually('the service to refuse', async () =>
      (await sandbox.curl('sleep.foo', 'http://scaled/')).exit === 7 ? true : undefined,
    );
  });

  it('replaces pods on a rollout, without a gap', async () => {
    await applied(web('rolled', { pod: { terminationGracePeriodSeconds: 1 } }));
    await rollout('rolled');
    const before = (await podsOf('rolled')).map((each) => each.name);
    await kubectl(['rollout', 'restart', '-n', 'foo', 'deployment/rolled']);
    await rollout('rolled');
    await eventually('the old pod to go', async () =>
      (await podsOf('rolled')).some((each) => before.includes(each.name)) ? undefined : true,
    );
    expect((await sandbox.curl('sleep.foo', 'http://rolled/status/204')).status).to.equal(204);
  });

  it('starts what crashes again, later each time, and says so', async () => {
    const command = ['/bin/sh', '-c', 'echo no such luck; exit 3'];
    await applied(podYaml('crashing', { containers: [{ name: 'app', image: 'example/app', command }] }));
    const reason = '{.status.containerStatuses[0].state.waiting.reason}';
    await eventually('CrashLoopBackOff', async () =>
      (await value(reason, 'pod', 'crashing')) === 'CrashLoopBackOff' ? true : undefined,
    );
    await eventually('three restarts', async () =>
      Number(await value('{.status.containerStatuses[0].restartCount}', 'pod', 'crashing')) >= 3 ? true : undefined,
    );
    expect(await value('{.status.containerStatuses[0].lastState.terminated.exitCode}', 'pod', 'crashing')).to.equal(
      '3',
    );
    expect(await readFile(sandbox.path('logs/crashing.foo.app.log'), 'utf8')).to.include('no such luck');
    await kubectl(['delete', 'pod', '-n', 'foo', 'crashing']);
  });

  it('takes a pod whose probe fails out of its service', async () => {
    await applied(
      web('moody', {
        container: {
          readinessProbe: {
            exec: { command: ['test', '!', '-e', '/tmp/sick'] },
            periodSeconds: 1,
            failureThreshold: 1,
          },
        },
      }),
    );
    await rollout('moody');
    const condition = '{.items[0].status.conditions[?(@.type=="Ready")].status}';
    const endpoint = '{.items[*].endpoints[*].conditions.ready}';
    await sandbox.exec('moody.foo', ['touch', '/tmp/sick']);
    await eventually('the pod to be not ready', async () =>
      (await value(condition, 'pods', '-l', 'app=moody')) === 'False' ? true : undefined,
    );
    await eventually('its slice to say so', async () =>
      (await value(endpoint, 'endpointslices', '-l', 'kubernetes.io/service-name=moody')) === 'false'
        ? true
        : undefined,
    );
    await eventually('the service to refuse', async () =>
      (await sandbox.curl('sleep.foo', 'http://moody/')).exit === 7 ? true : undefined,
    );
    await sandbox.exec('moody.foo', ['rm', '/tmp/sick']);
    await rollout('moody');
    await eventually('the service to answer', async () =>
      (await sandbox.curl('sleep.foo', 'http://moody/status/204')).status === 204 ? true : undefined,
    );
  });

  it('restarts what its liveness probe finds dead', async () => {
    const livenessProbe = {
      exec: { command: ['test', '!', '-e', '/tmp/dead'] },
      periodSeconds: 1,
      failureThreshold: 1,
    };
    await applied(web('alive', { container: { livenessProbe }, pod: { terminationGracePeriodSeconds: 1 } }));
    await rollout('alive');
    await sandbox.exec('alive.foo', ['touch', '/tmp/dead']);
    // The new container has files of its own: nothing says any more that it is dead.
    await eventually('one restart, and ready again', async () => {
      const [pod] = await podsOf('alive');
      return pod?.containers[0]?.restarts === 1 && pod.containers[0].ready ? true : undefined;
    });
  });

  it('gives pods tokens that the API server believes, bound to them, and new ones in time', async () => {
    await applied(
      podYaml('bearer', {
        containers: [
          {
            name: 'app',
            image: 'example/app',
            volumeMounts: [{ name: 'token', mountPath: '/var/run/secrets/tokens' }],
          },
        ],
        volumes: [
          {
            name: 'token',
            projected: {
              sources: [{ serviceAccountToken: { path: 'istio-token', audience: 'coxswain', expirationSeconds: 600 } }],
            },
          },
        ],
      }),
    );
    await kubectl(['wait', '-n', 'foo', 'pod/bearer', '--for=condition=Ready', '--timeout=20s']);
    await sandbox.refresh();
    const read = async (): Promise<string> =>
      (await sandbox.exec('bearer.foo', ['cat', '/var/run/secrets/tokens/istio-token'])).stdout;
    const first = await read();
    const review = JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: first, audiences: ['coxswain'] },
    });
    const { status } = JSON.parse(await kubectl(['create', '-f', '-', '-o', 'json'], review));
    expect(status.authenticated).to.equal(true);
    expect(status.user.username).to.equal('system:serviceaccount:foo:default');
    expect(status.user.extra['authentication.kubernetes.io/pod-name']).to.deep.equal(['bearer']);
    await eventually('another token', async () => ((await read()) === first ? undefined : true), 20_000);
    const own = '/var/run/secrets/kubernetes.io/serviceaccount';
    const asked = await sandbox.exec('bearer.foo', [
      'sh',
      '-c',
      `curl -s --cacert ${own}/ca.crt -H "Authorization: Bearer $(cat ${own}/token)" https://kubernetes.default.svc/api/v1/pods`,
    ]);
    expect(JSON.parse(asked.stdout).message).to.match(/^pods is forbidden: User "system:serviceaccount:foo:default"/);
  });

  it('runs init containers in order, then sidecars, then apps, over shared volumes', async () => {
    const mounts = [
      { name: 'shared', mountPath: '/shared' },
      { name: 'info', mountPath: '/etc/podinfo' },
    ];
    const say = (text: string): readonly string[] => ['/bin/sh', '-c', `echo ${text} >> /shared/order`];
    const base = { image: 'example/app', volumeMounts: mounts };
    await applied(
      podYaml('ordered', {
        initContainers: [
          { ...base, name: 'one', command: say('one') },
          {
            ...base,
            name: 'side',
            restartPolicy: 'Always',
            command: ['/bin/sh', '-c', 'echo side >> /shared/order; sleep 1; touch /shared/up; exec sleep infinity'],
            startupProbe: { exec: { command: ['test', '-e', '/shared/up'] }, periodSeconds: 1, failureThreshold: 30 },
          },
          { ...base, name: 'two', command: ['/bin/sh', '-c', 'test -e /shared/up && echo two >> /shared/order'] },
        ],
        containers: [
          {
            ...base,
            name: 'app',
            env: [
              { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
              { name: 'GREETING', value: 'from $(IP)' },
            ],
            command: ['/bin/sh', '-c', 'echo $(GREETING) >> /shared/order; exec sleep infinity'],
          },
        ],
        volumes: [
          { name: 'shared', emptyDir: {} },
          { name: 'info', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        ],
      }),
    );
    await kubectl(['wait', '-n', 'foo', 'pod/ordered', '--for=condition=Ready', '--timeout=20s']);
    const [pod] = await podsOf('ordered');
    const cat = async (file: string): Promise<string> => (await sandbox.exec('ordered.foo', ['cat', file])).stdout;
    await eventually('all to have spoken', async () =>
      (await cat('/shared/order')).split('\n').length > 4 ? true : undefined,
    );
    expect(await cat('/shared/order')).to.equal(`one\nside\ntwo\nfrom ${pod?.ip}\n`);
    expect(await kubectl(['get', 'pod', '-n', 'foo', 'ordered', '--no-headers'])).to.match(/ 2\/2 +Running +0 /);
    await kubectl(['label', 'pod', '-n', 'foo', 'ordered', 'color=blue']);
    await eventually('the label to be in its file', async () =>
      (await cat('/etc/podinfo/labels')).includes('color="blue"') ? true : undefined,
    );
  });

  it('runs Jobs to their end', async () => {
    const job = (name: string, command: string): string =>
      JSON.stringify({
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name, namespace: 'foo' },
        spec: {
          backoffLimit: 0,
          template: {
            spec: {
              restartPolicy: 'Never',
              containers: [{ name: 'job', image: 'example/job', command: ['/bin/sh', '-c', command] }],
            },
          },
        },
      });
    await applied(job('good', 'true'));
    await applied(job('bad', 'exit 4'));
    await kubectl(['wait', '-n', 'foo', 'job/good', '--for=condition=Complete', '--timeout=20s']);
    await kubectl(['wait', '-n', 'foo', 'job/bad', '--for=condition=Failed', '--timeout=20s']);
    expect(await value('{.items[0].status.phase}', 'pods', '-l', 'job-name=good')).to.equal('Succeeded');
    expect(await value('{.items[0].status.phase}', 'pods', '-l', 'job-name=bad')).to.equal('Failed');
  });

  it('ends pods as they ask for: hook, signal, time', async () => {
    const wait = 'while :; do sleep 0.1; done';
    const base = { image: 'example/app', volumeMounts: [{ name: 'shared', mountPath: '/shared' }] };
    const done = 'test -e /shared/hook && echo hook; echo term; sleep 0.5; touch /shared/done; exit 0';
    await applied(
      podYaml('leaving', {
        initContainers: [
          {
            ...base,
            name: 'side',
            restartPolicy: 'Always',
            command: ['/bin/sh', '-c', `trap 'test -e /shared/done && echo last; exit 0' TERM; ${wait}`],
          },
        ],
        containers: [
          {
            ...base,
            name: 'app',
            command: ['/bin/sh', '-c', `trap '${done}' TERM; echo up; ${wait}`],
            lifecycle: { preStop: { exec: { command: ['touch', '/shared/hook'] } } },
          },
        ],
        volumes: [{ name: 'shared', emptyDir: {} }],
      }),
    );
    await kubectl(['wait', '-n', 'foo', 'pod/leaving', '--for=condition=Ready', '--timeout=20s']);
    const log = async (container: string): Promise<string> =>
      await readFile(sandbox.path(`logs/leaving.foo.${container}.log`), 'utf8');
    await eventually('the trap to be set', async () => ((await log('app')) === 'up\n' ? true : undefined));
    await kubectl(['delete', 'pod', '-n', 'foo', 'leaving']);
    expect(await log('app')).to.equal('up\nhook\nterm\n');
    expect(await log('side')).to.equal('last\n');
    expect((await podsOf('leaving')).length).to.equal(0);
  });

  it('kills who does not go in time', async () => {
    const command = ['/bin/sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done'];
    await applied(
      podYaml('stubborn', {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'app', image: 'example/app', command }],
      }),
    );
    await kubectl(['wait', '-n', 'foo', 'pod/stubborn', '--for=condition=Ready', '--timeout=20s']);
    await kubectl(['delete', 'pod', '-n', 'foo', 'stubborn', '--timeout=10s']);
  });

  it('forgets at once what is deleted by force', async () => {
    await applied(podYaml('forced', { containers: [{ name: 'app', image: 'example/app' }] }));
    await kubectl(['wait', '-n', 'foo', 'pod/forced', '--for=condition=Ready', '--timeout=20s']);
    const [pod] = await podsOf('forced');
    await sandbox.kubectl(['delete', 'pod', '-n', 'foo', 'forced', '--force', '--grace-period=0']);
    await eventually('its address to be silent', async () =>
      (await sandbox.execOnNode(['ip', 'link', 'show', pod?.cable ?? ''])).code === 1 ? true : undefined,
    );
    expect((await podsOf('forced')).length).to.equal(0);
  });

  it('gives the pods of a StatefulSet their names, and those of a DaemonSet their node', async () => {
    const template = (app: string): object => ({
      selector: { matchLabels: { app } },
      template: { metadata: { labels: { app } }, spec: { containers: [{ name: 'app', image: 'example/app' }] } },
    });
    const metadata = (name: string): object => ({ name, namespace: 'foo' });
    const sets = [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: metadata('stateful'),
        spec: { clusterIP: 'None', selector: { app: 'stateful' }, ports: [{ port: 80 }] },
      },
      {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata: metadata('stateful'),
        spec: { serviceName: 'stateful', replicas: 2, ...template('stateful') },
      },
      { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: metadata('daemon'), spec: template('daemon') },
    ];
    await applied(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: sets }));
    await kubectl(['rollout', 'status', '-n', 'foo', 'statefulset/stateful', '--timeout=20s']);
    await kubectl(['rollout', 'status', '-n', 'foo', 'daemonset/daemon', '--timeout=20s']);
    const found = await podsOf('stateful');
    expect(found.map((each) => each.name)).to.deep.equal(['stateful-0', 'stateful-1']);
    await eventually('the name of the second to lead to it', async () => {
      const { stdout } = await sandbox.exec('sleep.foo', ['getent', 'hosts', 'stateful-1.stateful']);
      return stdout.startsWith(`${found[1]?.ip} `) ? true : undefined;
    });
  });

  it('ends what is in a namespace that is deleted', async () => {
    await applied('apiVersion: v1\nkind: Namespace\nmetadata: { name: doomed }\n');
    const sleep = { name: 'app', image: 'example/app', command: ['/bin/sleep', 'infinity'] };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'last', namespace: 'doomed' },
      spec: { containers: [sleep] },
    };
    await sandbox.apply(JSON.stringify(pod));
    await kubectl(['wait', '-n', 'doomed', 'pod/last', '--for=condition=Ready', '--timeout=20s']);
    await kubectl(['delete', 'namespace', 'doomed', '--timeout=40s']);
    expect((await podsOf('last')).length).to.equal(0);
  });

  it('keeps, under the name of a file, the objects that it holds now', async () => {
    const map = (name: string): string =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'foo' }, data: {} });
    const names = async (): Promise<string> =>
      await value('{.items[*].metadata.name}', 'configmaps', '-l', '!istio.io/config');
    await sandbox.apply(`${map('a')}\n---\n${map('b')}`, { file: 'maps.yaml' });
    expect(await names()).to.equal('a b kube-root-ca.crt');
    await sandbox.apply(map('b'), { file: 'maps.yaml' });
    expect(await names()).to.equal('b kube-root-ca.crt');
    expect(await sandbox.remove('maps.yaml')).to.equal(true);
    expect(await names()).to.equal('kube-root-ca.crt');
    expect(await sandbox.remove('maps.yaml')).to.equal(false);
  });

  it("says in the server's words what it refuses", async () => {
    const pod = podYaml('wrong', { containers: [{ name: 'app' }] });
    const error = await sandbox.apply(pod).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.have.property('code', 'bad-argument');
    expect(String(error)).to.include('spec.containers[0].image: Required value');
  });

  it('keeps an audit log of who asked for what', async () => {
    const log = await readFile(sandbox.path('logs/audit.log'), 'utf8');
    expect(log).to.include('"username":"system:serviceaccount:foo:default"');
  });
});

function podYaml(name: string, spec: object): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'foo', labels: { app: name } },
    spec,
  });
}
