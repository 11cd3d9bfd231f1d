import { expect } from 'chai';
import { isOurs } from '../../../src/install/labels.ts';
import { type Manifest, nameText, pathOf } from '../../../src/install/manifest.ts';
import { installManifests } from '../../../src/install/manifests.ts';
import { defaultInstallOptions, type InstallOptions } from '../../../src/install/options.ts';
import { manifestsText } from '../../../src/install/text.ts';
import { parseDocuments } from '../../../src/lib/yaml.ts';

const manifests = (options: Partial<InstallOptions> = {}): readonly Manifest[] =>
  installManifests({ ...defaultInstallOptions, ...options });

/** A value deep inside of a manifest, by keys and indexes. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === 'object' && inner !== null
        ? Object.entries(inner).find(([key]) => key === String(step))?.[1]
        : undefined,
    value,
  );
}

function only(kind: string, options: Partial<InstallOptions> = {}): Manifest {
  const found = manifests(options).filter((manifest) => manifest.kind === kind);
  expect(found.length, kind).to.equal(1);
  return found[0] ?? { apiVersion: '', kind: '', metadata: { name: '' } };
}

describe('manifests of an installation', () => {
  it('come in the order in which each finds what it needs', () => {
    expect(manifests({ crds: false, mesh: 'trustDomain: a.b\n' }).map(nameText)).to.deep.equal([
      'namespace/istio-system',
      'serviceaccount/coxswain (istio-system)',
      'clusterrole.rbac.authorization.k8s.io/coxswain',
      'clusterrolebinding.rbac.authorization.k8s.io/coxswain',
      'role.rbac.authorization.k8s.io/coxswain (istio-system)',
      'rolebinding.rbac.authorization.k8s.io/coxswain (istio-system)',
      'configmap/istio (istio-system)',
      'service/coxswain (istio-system)',
      'deployment.apps/coxswain (istio-system)',
      'poddisruptionbudget.policy/coxswain (istio-system)',
      'horizontalpodautoscaler.autoscaling/coxswain (istio-system)',
      'mutatingwebhookconfiguration.admissionregistration.k8s.io/coxswain-injector',
      'validatingwebhookconfiguration.admissionregistration.k8s.io/coxswain-validator',
    ]);
  });

  it('begin with the nine kinds', () => {
    const kinds = manifests().filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(kinds.length).to.equal(9);
    expect(manifests().slice(0, 9)).to.deep.equal(kinds);
  });

  it('carry our labels, all of them', () => {
    expect(manifests({ mesh: '' }).filter(({ metadata }) => !isOurs(metadata.labels))).to.deep.equal([]);
  });

  it('have a path in the API', () => {
    const paths = manifests({ mesh: '', namespace: 'mesh' }).map(pathOf);
    expect(paths.filter((path) => /undefined|\/\//.test(path))).to.deep.equal([]);
    expect(paths).to.include('/apis/apps/v1/namespaces/mesh/deployments/coxswain');
    expect(paths).to.include('/api/v1/namespaces/mesh');
  });

  it('name the namespace that was asked for, and no other', () => {
    expect(JSON.stringify(manifests({ namespace: 'mesh' }))).not.to.include('istio-system');
  });

  it('are the same bytes each time, as YAML and as JSON', () => {
    for (const format of ['yaml', 'json'] as const) {
      expect(manifestsText(manifests(), format)).to.equal(manifestsText(manifests(), format));
    }
  });

  it('read back from YAML as they were', () => {
    const text = manifestsText(manifests({ mesh: '# why\ntrustDomain: a.b\n' }), 'yaml');
    const values = parseDocuments(text).map((document) => (document.kind === 'value' ? document.value : document));
    expect(values).to.deep.equal(JSON.parse(JSON.stringify(manifests({ mesh: '# why\ntrustDomain: a.b\n' }))));
  });

  it('put mesh settings into the ConfigMap as they were written', () => {
    expect(only('ConfigMap', { mesh: '# why\ntrustDomain: a.b\n' })['data']).to.deep.equal({
      mesh: '# why\ntrustDomain: a.b\n',
    });
  });
});

describe('Deployment', () => {
  const container = at(only('Deployment'), 'spec', 'template', 'spec', 'containers', 0);

  it('runs as nobody in particular, and can write nowhere but in two volumes', () => {
    const pod = at(only('Deployment'), 'spec', 'template', 'spec');
    expect(at(pod, 'securityContext')).to.deep.equal({
      runAsNonRoot: true,
      runAsUser: 1337,
      runAsGroup: 1337,
      fsGroup: 1337,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(at(container, 'securityContext')).to.deep.equal({
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(at(container, 'volumeMounts')).to.deep.equal([
      { name: 'state', mountPath: '/var/lib/coxswain' },
      { name: 'tmp', mountPath: '/tmp' },
    ]);
  });

  it('never lacks a replica while it is rolled out, and is never injected', () => {
    const spec = at(only('Deployment'), 'spec');
    expect(at(spec, 'strategy', 'rollingUpdate')).to.deep.equal({ maxSurge: 1, maxUnavailable: 0 });
    expect(at(spec, 'template', 'metadata', 'labels', 'sidecar.istio.io/inject')).to.equal('false');
  });

  it('starts serve with flags that serve knows', async () => {
    const { serveCommand } = await import('../../../src/cli/serve.ts');
    const { context } = await import('../cli/idle-context.ts');
    const [command, ...flags] = at(container, 'args') as readonly string[];
    const known = serveCommand(context).options.map((option) => option.long);
    expect(command).to.equal('serve');
    expect(flags.map((flag) => flag.replace(/=.*/, '')).filter((flag) => !known.includes(flag))).to.deep.equal([]);
  });

  it('tells the injector which images to use', () => {
    const options = { image: 'a:1', proxyImage: 'b:2' };
    const env = at(only('Deployment', options), 'spec', 'template', 'spec', 'containers', 0, 'env');
    expect(env).to.deep.include.members([
      { name: 'COXSWAIN_IMAGE', value: 'a:1' },
      { name: 'COXSWAIN_PROXY_IMAGE', value: 'b:2' },
    ]);
    expect(at(only('Deployment', options), 'spec', 'template', 'spec', 'containers', 0, 'image')).to.equal('a:1');
  });

  it('is found by the Service on ports that it names', () => {
    const named = (at(container, 'ports') as readonly unknown[]).map((port) => at(port, 'name'));
    const wanted = (at(only('Service'), 'spec', 'ports') as readonly unknown[]).map((port) => at(port, 'targetPort'));
    expect(wanted).to.deep.equal(named);
    expect(at(only('Deployment'), 'spec', 'template', 'metadata', 'labels')).to.include(
      at(only('Service'), 'spec', 'selector'),
    );
  });

  it('is scaled between what was asked for and a few more', () => {
    const options = { replicas: 4 };
    const scaler = at(only('HorizontalPodAutoscaler', options), 'spec');
    expect([at(scaler, 'minReplicas'), at(scaler, 'maxReplicas')]).to.deep.equal([4, 7]);
    expect(at(only('Deployment', options), 'spec', 'replicas')).to.equal(4);
  });
});
