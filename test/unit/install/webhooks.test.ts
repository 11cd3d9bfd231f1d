import { expect } from 'chai';
import { kindReaders, unsupportedPolicies } from '../../../src/config/decode/kinds.ts';
import { decide } from '../../../src/inject/decision.ts';
import { installManifests } from '../../../src/install/manifests.ts';
import { defaultInstallOptions } from '../../../src/install/options.ts';
import { webhookManifests } from '../../../src/install/webhooks.ts';
import { objectIn, textsIn } from '../../../src/lib/json-fields.ts';

type Labels = Readonly<Record<string, string>>;

interface Webhook {
  readonly name: string;
  readonly failurePolicy: string;
  readonly clientConfig: object;
  readonly rules: readonly {
    readonly apiGroups: readonly string[];
    readonly operations: readonly string[];
    readonly resources: readonly string[];
  }[];
  readonly namespaceSelector?: Selector;
  readonly objectSelector?: Selector;
}

interface Selector {
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

const [injector, validator] = webhookManifests('istio-system').map(({ webhooks }) => webhooks as readonly Webhook[]);

/** Label selectors as the API server evaluates them: `NotIn` holds where the label is missing. */
function selects(selector: Selector | undefined, labels: Labels): boolean {
  return (selector?.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key];
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'DoesNotExist':
        return value === undefined;
      default:
        throw new Error(`no operator ${operator} here`);
    }
  });
}

const called = (namespace: Labels, pod: Labels): readonly string[] =>
  (injector ?? [])
    .filter((hook) => selects(hook.namespaceSelector, namespace) && selects(hook.objectSelector, pod))
    .map(({ name }) => name);

const some = <T>(...values: readonly T[]): readonly T[] => values;
const withLabel = (key: string, value: string | undefined): Labels => (value === undefined ? {} : { [key]: value });

describe('injector webhooks', () => {
  const cases = some(undefined, 'enabled', 'disabled').flatMap((injection) =>
    some(undefined, 'default', 'canary').flatMap((namespaceRevision) =>
      some(undefined, 'true', 'false').flatMap((inject) =>
        some(undefined, 'default', 'canary').map((podRevision) => ({
          namespaceLabels: {
            'kubernetes.io/metadata.name': 'shop',
            ...withLabel('istio-injection', injection),
            ...withLabel('istio.io/rev', namespaceRevision),
          },
          labels: { ...withLabel('sidecar.istio.io/inject', inject), ...withLabel('istio.io/rev', podRevision) },
        })),
      ),
    ),
  );

  it('are called for the pods that get a sidecar, once each, and for no others', () => {
    expect(cases.length).to.equal(81);
    for (const { namespaceLabels, labels } of cases) {
      const decision = decide({
        namespace: 'shop',
        policy: { kind: 'labels', namespaceLabels },
        labels,
        annotations: {},
        spec: {},
        revision: 'default',
      });
      const hooks = called(namespaceLabels, labels);
      expect([hooks.length], JSON.stringify({ namespaceLabels, labels, hooks })).to.deep.equal([
        decision.inject ? 1 : 0,
      ]);
    }
  });

  it('are never called in the namespaces of the cluster', () => {
    for (const name of ['kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage']) {
      const namespace = { 'kubernetes.io/metadata.name': name, 'istio-injection': 'enabled' };
      expect(called(namespace, { 'sidecar.istio.io/inject': 'true' }), name).to.deep.equal([]);
    }
  });

  it('are called in our own namespace for who asks by its label, and never for the control plane', () => {
    const there = { 'kubernetes.io/metadata.name': 'istio-system' };
    const gateway = { istio: 'ingressgateway', 'sidecar.istio.io/inject': 'true' };
    const [deployment] = installManifests(defaultInstallOptions).filter(({ kind }) => kind === 'Deployment');
    const template = objectIn(objectIn(objectIn({ ...deployment }, 'spec'), 'template'), 'metadata');
    const controlPlane = textsIn(template, 'labels');
    for (const [labels, pod, expected] of [
      [{}, gateway, ['root-namespace-pod.injector.coxswain.dev']],
      [{ 'istio-injection': 'enabled' }, gateway, ['root-namespace-pod.injector.coxswain.dev']],
      [{ 'istio-injection': 'disabled' }, gateway, []],
      [{ 'istio-injection': 'enabled' }, { app: 'prometheus' }, []],
      [{ 'istio-injection': 'enabled' }, controlPlane, []],
      [{ 'istio.io/rev': 'default' }, controlPlane, []],
    ] as const)
      expect(called({ ...there, ...labels }, pod), JSON.stringify({ labels, pod })).to.deep.equal(expected);
    expect(controlPlane['app']).to.equal('coxswain');
  });
});

describe('validator webhook', () => {
  it('sees every policy that is read, but no status', () => {
    const seen = (validator ?? []).flatMap(({ rules }) =>
      rules.flatMap(({ apiGroups, resources }) => resources.map((resource) => `${apiGroups.join()}/${resource}`)),
    );
    const read = [...kindReaders.map(({ group, kind }) => `${group}/${kind}`), ...unsupportedPolicies]
      .filter((name) => /^(security|networking)\.istio\.io\//.test(name))
      .map((name) => `${name.toLowerCase().replace(/([^aeiou])y$/, '$1ie')}s`);
    expect([...seen].sort()).to.deep.equal([...read].sort());
  });
});

describe('all webhooks', () => {
  const all = [...(injector ?? []), ...(validator ?? [])];

  it('fail closed, and leave the CA bundle to the control plane', () => {
    expect(all.map(({ failurePolicy }) => failurePolicy)).to.deep.equal(all.map(() => 'Fail'));
    expect(all.filter(({ clientConfig }) => 'caBundle' in clientConfig)).to.deep.equal([]);
  });

  it('have names of their own', () => {
    expect(new Set(all.map(({ name }) => name)).size).to.equal(all.length);
  });
});
