import { expect } from 'chai';
import { MeshError } from '../../../src/lib/errors.ts';
import { readDocuments } from '../../../src/sandbox/documents.ts';
import { planSandbox } from '../../../src/sandbox/plan.ts';

const plan = (yaml: string) => planSandbox(readDocuments('test.yaml', yaml));

const problem = (yaml: string): string => {
  try {
    plan(yaml);
  } catch (thrown) {
    if (thrown instanceof MeshError) return thrown.message;
    throw thrown;
  }
  throw new Error('was accepted');
};

const namespace = (name: string, injection?: string): string => `
apiVersion: v1
kind: Namespace
metadata:
  name: ${name}${injection === undefined ? '' : `\n  labels: { istio-injection: ${injection} }`}
---`;

const deployment = (
  name: string,
  more: {
    readonly labels?: string;
    readonly spec?: string;
    readonly replicas?: number;
    readonly command?: string;
  } = {},
): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: foo }
spec:
  replicas: ${more.replicas ?? 1}
  template:
    metadata:
      labels: { app: ${name}${more.labels ?? ''} }
      annotations: { ${more.command === undefined ? '' : `sandbox.coxswain.dev/command: '${more.command}'`} }
    spec:
      ${more.spec ?? ''}
      containers: [{ name: app, ports: [{ name: http, containerPort: 8080 }] }]
---`;

describe('planSandbox', () => {
  it('makes a pod of each replica, with addresses in the order of the manifests', () => {
    const { pods } = plan(
      namespace('foo', 'enabled') +
        deployment('web', { replicas: 2, command: 'httpbin --port 8080' }) +
        deployment('sleep'),
    );
    const common = {
      namespace: 'foo',
      annotations: {},
      serviceAccount: 'default',
      ports: [{ name: 'http', port: 8080, transport: 'tcp' }],
      proxy: 'sidecar',
      injected: true,
    };
    const web = {
      ...common,
      workload: 'web',
      labels: { app: 'web' },
      annotations: { 'sandbox.coxswain.dev/command': 'httpbin --port 8080' },
      command: ['httpbin', '--port', '8080'],
    };
    expect(pods).to.deep.equal([
      { ...web, name: 'web-1', index: 0, ip: '10.77.0.10' },
      { ...web, name: 'web-2', index: 1, ip: '10.77.0.11' },
      {
        ...common,
        workload: 'sleep',
        labels: { app: 'sleep' },
        command: undefined,
        name: 'sleep-1',
        index: 2,
        ip: '10.77.0.12',
      },
    ]);
  });

  it('writes each pod as an API server would hold it, and no Deployment', () => {
    const { objects } = plan(namespace('foo', 'enabled') + deployment('web'));
    expect(objects.map((each) => `${each.kind} ${each.namespace}/${each.name}`)).to.deep.equal([
      'Namespace /default',
      'Namespace /istio-system',
      'Namespace /foo',
      'Pod foo/web-1',
    ]);
    expect(objects.at(-1)?.value).to.deep.equal({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web-1', namespace: 'foo', labels: { app: 'web', 'security.istio.io/tlsMode': 'istio' } },
      spec: {
        serviceAccountName: 'default',
        containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }] }],
      },
      status: {
        phase: 'Running',
        podIP: '10.77.0.10',
        podIPs: [{ ip: '10.77.0.10' }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
  });

  const gateway = (
    more: { readonly labels?: string; readonly template?: string; readonly container?: string } = {},
  ) => `
apiVersion: v1
kind: Pod
metadata:
  name: edge
  namespace: istio-system
  labels: { istio: edge${more.labels ?? ', sidecar.istio.io/inject: "true"'} }
  annotations: { inject.istio.io/templates: ${more.template ?? 'gateway'} }
spec:
  containers: [${more.container ?? '{ name: istio-proxy, image: auto, ports: [{ containerPort: 8080 }] }'}]
---`;

  it('makes a router of a pod that asks for the template gateway, which nobody calls with mesh mTLS', () => {
    const { pods, objects } = plan(gateway());
    expect(pods.map(({ name, proxy, injected, command }) => ({ name, proxy, injected, command }))).to.deep.equal([
      { name: 'edge', proxy: 'router', injected: true, command: undefined },
    ]);
    const { metadata, spec } = objects.at(-1)?.value ?? {};
    expect({ metadata, spec }).to.deep.equal({
      metadata: {
        name: 'edge',
        namespace: 'istio-system',
        labels: { istio: 'edge', 'sidecar.istio.io/inject': 'true' },
        annotations: { 'inject.istio.io/templates': 'gateway' },
      },
      spec: {
        serviceAccountName: 'default',
        containers: [{ name: 'istio-proxy', ports: [{ containerPort: 8080, protocol: 'TCP' }] }],
      },
    });
  });

  it('refuses a gateway that no cluster would run', () => {
    expect(problem(gateway({ labels: '' }))).to.equal('test.yaml:2: nothing makes a gateway of edge');
    expect(problem(gateway({ template: 'waypoint' }))).to.equal(
      'test.yaml:2: Pod edge: metadata.annotations[inject.istio.io/templates]: "waypoint" is no template',
    );
    expect(problem(gateway({ container: '{ name: envoy, image: auto }' }))).to.equal(
      'test.yaml:2: Pod edge: spec.containers: there is no container istio-proxy to make the gateway of',
    );
  });

  it('gives a service an address unless it has one, or wants none', () => {
    const service = (name: string, more: string): string =>
      `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: foo }\nspec: { ${more}selector: { app: web }, ports: [{ port: 80, targetPort: http }] }\n---\n`;
    const { services, objects } = plan(
      `${namespace('foo')}\n${service('a', '')}${service('b', 'clusterIP: 10.9.9.9, ')}${service('c', 'clusterIP: None, ')}${service('d', '')}`,
    );
    expect(services.map((each) => [each.name, each.address])).to.deep.equal([
      ['a', '10.96.0.10'],
      ['b', '10.9.9.9'],
      ['c', undefined],
      ['d', '10.96.0.13'],
    ]);
    const specs = objects.flatMap((each) => (each.kind === 'Service' ? [each.value['spec']] : []));
    const common = { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] };
    expect(specs).to.deep.equal([
      { ...common, clusterIP: '10.96.0.10' },
      { ...common, clusterIP: '10.9.9.9' },
      { ...common, clusterIP: 'None' },
      { ...common, clusterIP: '10.96.0.13' },
    ]);
  });

  it('leaves a service that is another name for one as it is, without an address', () => {
    const spec = { type: 'ExternalName', externalName: 'out.example.com' };
    const alias = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'a', namespace: 'foo' },
      spec,
    });
    const { services, objects } = plan(`${namespace('foo')}\n${alias}\n`);
    expect(services).to.deep.equal([]);
    expect(objects.flatMap((each) => (each.kind === 'Service' ? [each.value['spec']] : []))).to.deep.equal([spec]);
  });

  const injection: readonly (readonly [namespace: string | undefined, pod: string | undefined, injected: boolean])[] = [
    ['enabled', undefined, true],
    ['enabled', 'true', true],
    ['enabled', 'false', false],
    ['disabled', undefined, false],
    ['disabled', 'true', false],
    [undefined, undefined, false],
    [undefined, 'true', true],
    [undefined, 'false', false],
  ];
  for (const [label, pod, injected] of injection) {
    it(`injects ${injected ? 'a' : 'no'} sidecar: namespace ${label ?? 'unlabelled'}, pod ${pod ?? 'unlabelled'}`, () => {
      const labels = pod === undefined ? '' : `, sidecar.istio.io/inject: "${pod}"`;
      const [only] = plan(namespace('foo', label) + deployment('web', { labels })).pods;
      expect(only?.injected).to.equal(injected);
    });
  }

  const wrong: readonly (readonly [string, string, string])[] = [
    ['an undeclared namespace', deployment('web'), 'test.yaml:2: namespace foo is declared nowhere'],
    [
      'an undeclared service account',
      namespace('foo') + deployment('web', { spec: 'serviceAccountName: web' }),
      'test.yaml:7: service account web is declared nowhere',
    ],
    [
      'the same object twice',
      namespace('foo') + namespace('foo'),
      'test.yaml:7: Namespace foo was declared before, at test.yaml:2',
    ],
    [
      'too many replicas',
      namespace('foo') + deployment('web', { replicas: 501 }),
      'test.yaml:7: Deployment web: spec.replicas: expected a number from 0 to 500',
    ],
    [
      'an open quote',
      namespace('foo') + deployment('web', { command: 'echo "hello' }),
      'test.yaml:7: Deployment web: spec.template.metadata.annotations["sandbox.coxswain.dev/command"]: expected a command',
    ],
    [
      'a kind that starts pods in a cluster only',
      'apiVersion: apps/v1\nkind: StatefulSet\nmetadata: { name: db }\n',
      'test.yaml:1: StatefulSet db: kind: the sandbox runs no StatefulSet',
    ],
    [
      'a label that is a number',
      `${namespace('foo')}${deployment('web', { labels: ', version: 1' })}`,
      'test.yaml:7: Deployment web: spec.template.metadata.labels["version"]: expected text (put it in quotes)',
    ],
  ];
  for (const [what, yaml, message] of wrong) {
    it(`refuses ${what}`, () => {
      expect(problem(yaml)).to.equal(message);
    });
  }
});
