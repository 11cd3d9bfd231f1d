import { expect } from 'chai';
import { type InjectResult, inject } from '../../../src/inject/inject.ts';
import { defaultInjectSettings, type InjectSettings } from '../../../src/inject/settings.ts';
import { type JsonObject, objectIn, objectsIn, textIn, textsIn } from '../../../src/lib/json-fields.ts';

const settings = defaultInjectSettings();
const template = 'inject.istio.io/templates';

function run(container: object, annotations: object = {}, more: Partial<InjectSettings> = {}, spec: object = {}) {
  return inject(
    {
      metadata: { name: 'edge', annotations: { [template]: 'gateway', ...annotations } },
      spec: { containers: [{ name: 'istio-proxy', image: 'auto', ...container }], ...spec },
      namespace: 'istio-system',
      policy: { kind: 'always' },
    },
    { ...settings, ...more },
  );
}

function injected(...args: Parameters<typeof run>) {
  const result = run(...args);
  if (result.kind !== 'injected') throw new Error(JSON.stringify(result));
  return result;
}

const proxyOf = (spec: JsonObject): JsonObject => objectsIn(spec, 'containers')[0] ?? {};
const fieldsOf = (result: InjectResult): readonly string[] =>
  result.kind === 'refused' ? result.problems.map(({ field }) => field) : [result.kind];

describe('inject, template gateway', () => {
  it('gives no container a right over the network, and marks nothing as taking mesh mTLS', () => {
    const { spec, metadata } = injected({});
    const [init, ...others] = objectsIn(spec, 'initContainers');
    expect(others).to.deep.equal([]);
    const unprivileged = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsGroup: 1337,
      runAsNonRoot: true,
      runAsUser: 1337,
      seccompProfile: { type: 'RuntimeDefault' },
    };
    expect(objectIn(init ?? {}, 'securityContext')).to.deep.equal(unprivileged);
    expect(objectIn(proxyOf(spec), 'securityContext')).to.deep.equal(unprivileged);
    expect(init?.['args']).to.include.members(['--kind', 'router', '--interception-mode', 'NONE']);
    expect(textsIn(metadata, 'labels')).to.deep.equal({
      'service.istio.io/canonical-name': 'edge',
      'service.istio.io/canonical-revision': 'latest',
    });
  });

  it('lets the pod listen on low ports, unless its author decided that', () => {
    const lowest = (value: string) => ({ sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value }] });
    expect(injected({}).spec['securityContext']).to.deep.equal(lowest('0'));
    const own = { fsGroup: 7, ...lowest('443') };
    expect(injected({}, {}, {}, { securityContext: own }).spec['securityContext']).to.deep.equal(own);
  });

  it('takes the image with a shell, so that it can let callers go, unless another is named', () => {
    const image = (...args: Parameters<typeof run>): readonly unknown[] => {
      const { spec, warnings } = injected(...args);
      const proxy = proxyOf(spec);
      return [textIn(proxy, 'image'), Object.keys(objectIn(proxy, 'lifecycle')), warnings.length];
    };
    const distroless = 'mirror.example/envoyproxy/envoy:distroless-v1.36.2';
    expect(image({})).to.deep.equal(['envoyproxy/envoy:v1.40.0', ['preStop'], 0]);
    expect(image({ image: 'mirror.example/envoy:1' })).to.deep.equal(['mirror.example/envoy:1', ['preStop'], 0]);
    expect(image({ image: distroless })).to.deep.equal([distroless, [], 1]);
    expect(image({}, { 'sidecar.istio.io/proxyImage': distroless })).to.deep.equal([distroless, [], 1]);
    expect(image({}, {}, { classicProxyImage: distroless, nativeSidecars: false })).to.deep.equal([distroless, [], 1]);
    expect(image({ image: distroless, lifecycle: { preStop: { sleep: { seconds: 5 } } } })).to.deep.equal([
      distroless,
      ['preStop'],
      0,
    ]);
  });

  it('is the same on clusters without native sidecars', () => {
    expect(injected({}, {}, { nativeSidecars: false })).to.deep.equal(injected({}));
  });

  it('leaves what the author wrote, and adds what is missing', () => {
    const own = {
      ports: [{ containerPort: 8080 }],
      env: [{ name: 'A', value: 'b' }],
      resources: { requests: { cpu: '1' } },
      readinessProbe: { httpGet: { path: '/healthz/ready', port: 15021 }, periodSeconds: 1 },
      volumeMounts: [{ name: 'certs', mountPath: '/certs' }],
    };
    const proxy = proxyOf(injected(own).spec);
    expect(proxy['env']).to.deep.equal(own.env);
    expect(proxy['resources']).to.deep.equal(own.resources);
    expect(proxy['readinessProbe']).to.deep.equal(own.readinessProbe);
    expect(objectsIn(proxy, 'ports').map((each) => each['containerPort'])).to.deep.equal([8080, 15090]);
    expect(objectsIn(proxy, 'volumeMounts').map((each) => each['name'])).to.deep.equal([
      'certs',
      'istio-envoy',
      'istio-token',
      'istiod-ca-cert',
    ]);
  });

  it('says which annotations are for sidecars', () => {
    expect(injected({}, { 'sidecar.istio.io/interceptionMode': 'TPROXY' }).warnings).to.deep.equal([
      'annotation sidecar.istio.io/interceptionMode has no effect on a gateway',
    ]);
  });

  it('makes the same of a pod that was made a gateway before, whatever that run with', () => {
    const first = injected({});
    const again = (spec: JsonObject, more: Partial<InjectSettings> = {}) =>
      inject(
        { metadata: first.metadata, spec, namespace: 'istio-system', policy: { kind: 'always' } },
        { ...settings, ...more },
      );
    expect(again(first.spec)).to.deep.equal(first);
    const odd = { ...first.spec, containers: [{ ...proxyOf(first.spec), command: ['/bin/sh'], args: ['-c', 'x'] }] };
    const second = again(odd);
    expect(second.kind === 'injected' && proxyOf(second.spec)).to.deep.equal(proxyOf(first.spec));
  });

  const refusals: readonly (readonly [string, InjectResult, readonly string[]])[] = [
    ['no container of that name', run({ name: 'envoy' }), ['spec.containers']],
    ['a command', run({ command: ['sh'], args: ['-c'] }), ['spec.containers[0].command', 'spec.containers[0].args']],
    ['no image', run({ image: 'no image' }), ['spec.containers[0].image']],
    [
      'an init container of ours',
      run({}, {}, {}, { initContainers: [{ name: 'istio-init' }] }),
      ['spec.initContainers[0].name'],
    ],
    [
      'a native sidecar of ours',
      run({}, {}, {}, { initContainers: [{ name: 'istio-proxy' }] }),
      ['spec.initContainers[0].name'],
    ],
    ['a volume of ours', run({}, {}, {}, { volumes: [{ name: 'istio-token' }] }), ['spec.volumes[0].name']],
    ['another template', run({}, { [template]: 'waypoint' }), [`metadata.annotations[${template}]`]],
    ['two templates', run({}, { [template]: 'sidecar,gateway' }), [`metadata.annotations[${template}]`]],
    [
      'no quantity',
      run({}, { 'sidecar.istio.io/proxyCPU': 'lots' }),
      ['metadata.annotations[sidecar.istio.io/proxyCPU]'],
    ],
  ];
  for (const [what, result, fields] of refusals)
    it(`refuses ${what}`, () => {
      expect(fieldsOf(result)).to.deep.equal(fields);
    });
});
