import { expect } from 'chai';
import fc from 'fast-check';
import { type InjectResult, inject } from '../../../src/inject/inject.ts';
import { defaultInjectSettings, type InjectSettings } from '../../../src/inject/settings.ts';
import { type JsonObject, objectIn, objectsIn, textIn, textsIn } from '../../../src/lib/json-fields.ts';
import { anyPod } from '../../support/pods.ts';

const settings = defaultInjectSettings();
const always = { kind: 'always' } as const;
const web = { containers: [{ name: 'web', image: 'web:1' }] };

type Pod = { readonly metadata?: unknown; readonly spec?: unknown };

function run(pod: Pod, more: Partial<InjectSettings> = {}, workloadName?: string): InjectResult {
  const request = { metadata: pod.metadata, spec: pod.spec, namespace: 'shop', policy: always };
  return inject({ ...request, ...(workloadName === undefined ? {} : { workloadName }) }, { ...settings, ...more });
}

function injected(pod: Pod, more: Partial<InjectSettings> = {}, workloadName?: string) {
  const result = run(pod, more, workloadName);
  if (result.kind !== 'injected') throw new Error(JSON.stringify(result));
  return result;
}

const names = (spec: JsonObject, field: string): readonly string[] =>
  objectsIn(spec, field).map((each) => textIn(each, 'name'));
const container = (spec: JsonObject, name: string): JsonObject =>
  [...objectsIn(spec, 'initContainers'), ...objectsIn(spec, 'containers')].find(
    (each) => textIn(each, 'name') === name,
  ) ?? {};

describe('inject', () => {
  it('puts rules and sidecar before all that the pod has', () => {
    const { spec } = injected({ spec: { ...web, initContainers: [{ name: 'setup' }], volumes: [{ name: 'data' }] } });
    expect(names(spec, 'initContainers')).to.deep.equal(['istio-init', 'istio-proxy', 'setup']);
    expect(names(spec, 'containers')).to.deep.equal(['web']);
    expect(names(spec, 'volumes')).to.deep.equal([
      'data',
      'istio-envoy',
      'istio-podinfo',
      'istio-token',
      'istiod-ca-cert',
    ]);
    expect(container(spec, 'istio-proxy')['restartPolicy']).to.equal('Always');
    expect(container(spec, 'istio-proxy')['lifecycle']).to.equal(undefined);
  });

  it('makes the sidecar the first container, with hooks, where the cluster has no native ones', () => {
    const { spec } = injected({ spec: web }, { nativeSidecars: false });
    expect(names(spec, 'initContainers')).to.deep.equal(['istio-init']);
    expect(names(spec, 'containers')).to.deep.equal(['istio-proxy', 'web']);
    const proxy = container(spec, 'istio-proxy');
    expect(Object.keys(objectIn(proxy, 'lifecycle'))).to.deep.equal(['postStart', 'preStop']);
    expect(proxy).to.not.have.any.keys('restartPolicy', 'startupProbe');
    expect(textIn(proxy, 'image')).to.equal('envoyproxy/envoy:v1.40.0');
  });

  it('gives privileges to the init container alone, and only those that rules need', () => {
    const { spec } = injected({ spec: web });
    const of = (name: string): JsonObject => objectIn(container(spec, name), 'securityContext');
    expect(of('istio-init')).to.deep.equal({
      allowPrivilegeEscalation: false,
      capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsGroup: 0,
      runAsNonRoot: false,
      runAsUser: 0,
      seccompProfile: { type: 'RuntimeDefault' },
    });
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
    expect(of('istio-proxy')).to.deep.equal(unprivileged);
    const none = injected({ metadata: { annotations: { 'sidecar.istio.io/interceptionMode': 'NONE' } }, spec: web });
    expect(objectIn(container(none.spec, 'istio-init'), 'securityContext')).to.deep.equal(unprivileged);
  });

  it('hands values of annotations over as elements of argv', () => {
    const annotations = {
      'traffic.sidecar.istio.io/includeInboundPorts': '',
      'traffic.sidecar.istio.io/excludeOutboundIPRanges': '10.1.0.0/16,fd00::/8',
    };
    const args = container(injected({ metadata: { annotations }, spec: web }).spec, 'istio-init')['args'];
    expect(args).to.include.members(['--include-inbound-ports=', '--exclude-outbound-ranges=10.1.0.0/16,fd00::/8']);
  });

  it('says of itself what it is, and keeps what the author said', () => {
    const labels = { app: 'store', version: 'v2' };
    const { metadata } = injected({ metadata: { name: 'x', labels, annotations: { a: 'b' } }, spec: web });
    expect(metadata).to.deep.equal({
      name: 'x',
      labels: {
        ...labels,
        'security.istio.io/tlsMode': 'istio',
        'service.istio.io/canonical-name': 'store',
        'service.istio.io/canonical-revision': 'v2',
      },
      annotations: {
        a: 'b',
        'kubectl.kubernetes.io/default-container': 'web',
        'kubectl.kubernetes.io/default-logs-container': 'web',
        'istio.io/rev': 'default',
        'sidecar.istio.io/status':
          '{"initContainers":["istio-init","istio-proxy"],"containers":[],' +
          '"volumes":["istio-envoy","istio-podinfo","istio-token","istiod-ca-cert"],"imagePullSecrets":[],"revision":"default"}',
      },
    });
    const preset = { 'security.istio.io/tlsMode': 'disabled', 'service.istio.io/canonical-name': 'mine' };
    expect(textsIn(injected({ metadata: { labels: preset }, spec: web }).metadata, 'labels')).to.include(preset);
  });

  it('does not tell callers of mTLS where nothing that comes in is intercepted', () => {
    for (const annotations of [
      { 'sidecar.istio.io/interceptionMode': 'NONE' },
      { 'traffic.sidecar.istio.io/includeInboundPorts': '' },
    ]) {
      const { metadata, spec } = injected({
        metadata: { annotations },
        spec: { containers: [{ name: 'web', readinessProbe: { httpGet: { port: 80 } } }] },
      });
      expect(textsIn(metadata, 'labels')).to.not.have.property('security.istio.io/tlsMode');
      expect(objectIn(container(spec, 'web'), 'readinessProbe')).to.deep.equal({ httpGet: { port: 80 } });
    }
  });

  it('finds the name of the workload', () => {
    const nameOf = (metadata: object, workload?: string): string | undefined =>
      textsIn(injected({ metadata, spec: web }, {}, workload).metadata, 'labels')['service.istio.io/canonical-name'];
    const replicaSet = [{ kind: 'ReplicaSet', name: 'web-7c5d', controller: true }];
    expect(nameOf({ name: 'solo' })).to.equal('solo');
    expect(
      nameOf({ generateName: 'web-7c5d-', ownerReferences: replicaSet, labels: { 'pod-template-hash': '7c5d' } }),
    ).to.equal('web');
    expect(nameOf({ generateName: 'store-' })).to.equal('store');
    expect(nameOf({}, 'web')).to.equal('web');
    expect(nameOf({ name: `${'a'.repeat(62)}.b` })).to.equal('a'.repeat(62));
  });

  it('refuses names that are its own', () => {
    const problems = (spec: object): unknown => {
      const result = run({ spec });
      return result.kind === 'refused'
        ? result.problems.map(({ field, message }) => `${field}: ${message}`)
        : result.kind;
    };
    expect(problems({ containers: [{ name: 'istio-proxy' }] })).to.deep.equal([
      'spec.containers[0].name: the pod has a container istio-proxy of its own',
    ]);
    expect(problems({ ...web, initContainers: [{ name: 'istio-init' }] })).to.deep.equal([
      'spec.initContainers[0].name: the pod has a container istio-init of its own',
    ]);
    expect(problems({ ...web, volumes: [{ name: 'istio-token' }] })).to.deep.equal([
      'spec.volumes[0].name: the pod has a volume istio-token of its own',
    ]);
    expect(problems({})).to.deep.equal(['spec.containers: there are none']);
  });

  it('takes away only what bears its names, whatever the status annotation claims', () => {
    const status = JSON.stringify({ containers: ['web', 'istio-proxy'], volumes: ['data'], initContainers: [] });
    const { spec } = injected({
      metadata: { annotations: { 'sidecar.istio.io/status': status } },
      spec: { containers: [{ name: 'web' }, { name: 'istio-proxy', image: 'old' }], volumes: [{ name: 'data' }] },
    });
    expect(names(spec, 'containers')).to.deep.equal(['web']);
    expect(names(spec, 'volumes')).to.include('data');
  });

  it('lets an app not hide behind a status annotation that is not one', () => {
    for (const status of ['', 'null', '[]', '{"containers":"istio-proxy"}', '{'])
      expect(
        run({
          metadata: { annotations: { 'sidecar.istio.io/status': status } },
          spec: { containers: [{ name: 'istio-proxy' }] },
        }).kind,
        status,
      ).to.equal('refused');
  });

  it('warns of an app that runs as the sidecar, uses its ports, or never ends beside it', () => {
    const warnings = (spec: object, more: Partial<InjectSettings> = {}): readonly string[] =>
      injected({ spec }, more).warnings;
    expect(warnings({ ...web, securityContext: { runAsUser: 1337 } })).to.deep.equal([
      "container web runs as 1337, the sidecar's own id: its connections bypass the sidecar",
    ]);
    expect(warnings({ containers: [{ name: 'web', ports: [{ containerPort: 15006 }] }] })).to.deep.equal([
      'container web has port 15006, which belongs to the sidecar',
    ]);
    const [app] = web.containers;
    expect(
      warnings({ containers: [{ ...app, volumeMounts: [{ name: 'istio-token' }, { name: 'data' }] }] }),
    ).to.deep.equal(['container web mounts volume istio-token, which belongs to the sidecar']);
    const sidecar = { name: 'logs', restartPolicy: 'Always', securityContext: { runAsGroup: 1337 } };
    expect(warnings({ ...web, initContainers: [sidecar, { ...sidecar, restartPolicy: undefined }] })).to.deep.equal([
      "container logs runs as 1337, the sidecar's own id: its connections bypass the sidecar",
    ]);
    expect(warnings({ ...web, restartPolicy: 'Never' })).to.deep.equal([]);
    expect(warnings({ ...web, restartPolicy: 'Never' }, { nativeSidecars: false })).to.have.length(1);
  });

  it('refuses what is no pod', () => {
    expect(run({ spec: 'x' }).kind).to.equal('refused');
    expect(run({ metadata: [], spec: web }).kind).to.equal('refused');
  });

  it('gives the same pod when it is done again, to the byte; and changes nothing of its input', () => {
    const property = fc.property(anyPod, fc.boolean(), (pod, nativeSidecars) => {
      const before = JSON.stringify(pod);
      const once = run(pod, { nativeSidecars });
      expect(JSON.stringify(pod)).to.equal(before);
      if (once.kind !== 'injected') return;
      const twice = run(once, { nativeSidecars });
      expect(twice).to.deep.equal({ ...once, warnings: twice.kind === 'injected' ? twice.warnings : [] });
      expect(JSON.stringify(twice.kind === 'injected' ? [twice.metadata, twice.spec] : [])).to.equal(
        JSON.stringify([once.metadata, once.spec]),
      );
      // And an upgrade that changes the kind of sidecar leaves nothing of the old one behind.
      const turned = run(once, { nativeSidecars: !nativeSidecars });
      const direct = run(pod, { nativeSidecars: !nativeSidecars });
      if (turned.kind === 'injected' && direct.kind === 'injected')
        expect(names(turned.spec, 'containers')).to.deep.equal(names(direct.spec, 'containers'));
    });
    fc.assert(property, { numRuns: 300 });
  });
});
