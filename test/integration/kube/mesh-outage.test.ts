import { expect } from 'chai';
import { denyPath, KubeMesh, mtls, smallWorld, web } from '../../support/kube-mesh.ts';
import { eventually } from '../../support/sandbox.ts';

describe('a mesh on Kubernetes while parts of it are away', function () {
  this.timeout(150_000);
  const url = 'http://web.foo/status/200';
  const refusedByTls = 'exit 56';
  const [injector, validator] = [
    'mutatingwebhookconfiguration/coxswain-injector',
    'validatingwebhookconfiguration/coxswain-validator',
  ];
  let mesh: KubeMesh;

  before(async () => {
    mesh = await KubeMesh.up('outage', smallWorld);
    await mesh.apply(mtls('STRICT'));
    await mesh.kubectl(['wait', '-n', 'istio-system', 'pa/default', '--for=condition=Enforced', '--timeout=20s']);
  });

  after(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  /** A policy that can't be read, but not for its schema. */
  const unreadable = {
    ...denyPath('foo', 'unreadable', '/x'),
    spec: { action: 'ALLOW', rules: [{ when: [{ key: 'request.header[x]', values: ['y'] }] }] },
  };
  const bundle = '{.webhooks[0].clientConfig.caBundle}';
  const scale = (count: number): Promise<string> =>
    mesh.kubectl(['scale', '-n', 'istio-system', 'deployment/coxswain', `--replicas=${count}`]);

  async function breakBundle(which: string): Promise<string> {
    const good = await mesh.value(bundle, which);
    // A certificate of somebody else.
    const root = await mesh.value('{.data.ca\\.crt}', 'configmap', '-n', 'foo', 'kube-root-ca.crt');
    const value = Buffer.from(root).toString('base64');
    const patch = [{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value }];
    await mesh.kubectl(['patch', which, '--type=json', '-p', JSON.stringify(patch)]);
    return good;
  }

  it('puts a CA bundle right that somebody broke, and lets nothing through meanwhile', async () => {
    for (const which of [injector, validator]) {
      const good = await breakBundle(which);
      // Refused either way: because it can't be read, or because nobody could be asked.
      expect(await mesh.refusal(unreadable)).to.match(/denied the request|failed calling webhook/);
      await eventually('the bundle to be put right', async () =>
        (await mesh.value(bundle, which)) === good ? true : undefined,
      );
    }
    await eventually('policies to be taken', () =>
      mesh.apply(denyPath('foo', 'first', '/first')).then(
        () => true,
        () => undefined,
      ),
    );
    expect(await mesh.refusal(unreadable)).to.match(/denied the request: .*when/);
  });

  it('goes on without any control plane, and takes nothing unchecked', async () => {
    await using loop = mesh.loop('sleep.foo', url);
    await scale(0);
    await eventually(
      'the control plane to be gone',
      async () => {
        await mesh.sandbox.refresh();
        return mesh.replicas.length === 0 ? true : undefined;
      },
      60_000,
    );
    await loop.more(10);
    expect(await mesh.get('sleep.legacy', `http://${mesh.sandbox.pod('web.foo').ip}:8080/status/200`)).to.equal(
      refusedByTls,
    );

    // Policies and pods are refused, with words that name who is missing.
    const words = /failed calling webhook "policies\.validator\.coxswain\.dev": .*coxswain\.istio-system\.svc/;
    expect(await mesh.refusal(denyPath('foo', 'unchecked', '/unchecked'))).to.match(words);
    await mesh.apply(...web('foo', 'new'));
    await eventually(
      'the ReplicaSet to say why it has no pod',
      async () => {
        const said = await mesh.value(
          '{.items[*].status.conditions[*].message}',
          'replicaset',
          '-n',
          'foo',
          '-l',
          'app=new',
        );
        return /failed calling webhook "namespace\.injector\.coxswain\.dev"/.test(said) ? true : undefined;
      },
      20_000,
    );
    expect(await mesh.value('{.items}', 'pods', '-n', 'foo', '-l', 'app=new')).to.equal('[]');
    await breakBundle(validator);

    await scale(2);
    await mesh.rolledOut('istio-system', 'coxswain');
    await eventually(
      'a policy to be taken',
      () =>
        mesh.apply(denyPath('foo', 'unchecked', '/unchecked')).then(
          () => true,
          () => undefined,
        ),
      40_000,
    );
    await mesh.kubectl(['wait', '-n', 'foo', 'ap/unchecked', '--for=condition=Enforced', '--timeout=60s']);
    await mesh.answers('sleep.foo', 'http://web.foo/unchecked', '403');
    // The controller waits longer each time before it tries again.
    await mesh.kubectl(['rollout', 'restart', '-n', 'foo', 'deployment/new']);
    await mesh.rolledOut('foo', 'new');
    await mesh.sandbox.refresh();
    expect(mesh.sandbox.pod('new.foo').containers.map(({ name }) => name)).to.include('istio-proxy');
    await mesh.answers('sleep.foo', 'http://new.foo/status/200', '200');
    expect((await loop.end()).failed).to.deep.equal([]);
  });

  it('lets a sidecar that starts without a control plane wait for one, and nothing past it', async () => {
    await mesh.sandbox.killControlPlane('SIGKILL');
    await mesh.sandbox.killEnvoy('web.foo');
    const starting = mesh.sandbox.startEnvoy('web.foo');
    starting.catch(() => undefined);
    await eventually('Envoy to run', async () => {
      const { body } = await mesh.sandbox.envoyAdmin('web.foo', '/server_info');
      return /"state": *"PRE_INITIALIZING|"state": *"INITIALIZING/.test(body) ? true : undefined;
    });
    const pod = mesh.sandbox.pod('web.foo');
    expect(await mesh.value('{.status.conditions[?(@.type=="Ready")].status}', 'pod', '-n', 'foo', pod.name)).to.equal(
      'False',
    );
    expect(await mesh.get('sleep.foo', url)).to.equal('503');
    expect(await mesh.get('sleep.legacy', `http://${pod.ip}:8080/status/200`)).to.equal('exit 7');
    await mesh.sandbox.startControlPlane();
    await starting;
    await mesh.answers('sleep.foo', url, '200');
    expect(await mesh.get('sleep.legacy', `http://${pod.ip}:8080/status/200`)).to.equal(refusedByTls);
  });

  /** The process of the API server, as numbered in the sandbox. */
  async function apiServer(): Promise<string> {
    const find =
      'for p in /proc/[0-9]*; do case "$(readlink $p/exe)" in */kube-apiserver) echo "${p#/proc/}";; esac; done';
    const { stdout } = await mesh.sandbox.execOnNode(['sh', '-c', find]);
    expect(stdout).to.match(/^\d+\n$/);
    return stdout.trim();
  }

  it('loses nothing where the API server hangs for 10 seconds and is killed then', async () => {
    await using loop = mesh.loop('sleep.foo', url);
    const numbers = Array.from({ length: 12 }, (_, each) => each);
    const edit = async (each: number): Promise<void> => {
      const policy = denyPath('foo', `burst-${each}`, `/status/${each + 420}`);
      await eventually(
        `edit ${each}`,
        () =>
          mesh.apply(policy).then(
            () => true,
            () => undefined,
          ),
        100_000,
      );
    };
    await edit(0);
    const process = await apiServer();
    const early = numbers.slice(1, 6).map(edit);
    await mesh.sandbox.execOnNode(['kill', '-STOP', process]);
    const late = numbers.slice(6).map(edit);
    const hung = Date.now();
    await eventually('10 seconds to pass', () => (Date.now() - hung > 10_000 ? true : undefined), 15_000);
    expect(await mesh.get('sleep.foo', 'http://web.foo/unchecked')).to.equal('403');
    await mesh.sandbox.execOnNode(['kill', '-KILL', process]);
    await Promise.all([...early, ...late]);
    for (const each of numbers) {
      await mesh.answers('sleep.foo', `http://web.foo/status/${each + 420}`, '403');
      await mesh.says(
        ['authorizationpolicy', 'foo', `burst-${each}`],
        'Enforced',
        /^True Enforced@1: on 3 of 3 proxies$/,
      );
    }
    await mesh.delete(denyPath('foo', 'burst-0', ''));
    await mesh.answers('sleep.foo', 'http://web.foo/status/420', '420');
    expect((await loop.end()).failed).to.deep.equal([]);
  });
});
