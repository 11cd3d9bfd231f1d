import { appName, injectorName, validatorName } from '../model/cluster-names.ts';
import type { Manifest } from './manifest.ts';
import { meshKinds } from './mesh-kinds.ts';

/** Pods there must start without us: the cluster itself, and the control plane. */
const neverInjected = ['kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage'];

const namespaceName = 'kubernetes.io/metadata.name';
const injection = 'istio-injection';
const revision = 'istio.io/rev';
const inject = 'sidecar.istio.io/inject';
/** The name that our only revision has. */
const ourRevision = 'default';

interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'DoesNotExist';
  readonly values?: readonly string[];
}

const is = (key: string, value: string): Requirement => ({ key, operator: 'In', values: [value] });
const isNot = (key: string, value: string): Requirement => ({ key, operator: 'NotIn', values: [value] });
const absent = (key: string): Requirement => ({ key, operator: 'DoesNotExist' });

interface Selection {
  readonly name: string;
  readonly namespace: readonly Requirement[];
  readonly pod: readonly Requirement[];
}

/** The rows of behaviour.md 9.3 that end in an injection, as selectors: no other pod waits for us. */
const selections: readonly Selection[] = [
  { name: 'namespace', namespace: [is(injection, 'enabled')], pod: [isNot(inject, 'false')] },
  {
    name: 'revision-namespace',
    namespace: [absent(injection), is(revision, ourRevision)],
    pod: [isNot(inject, 'false')],
  },
  {
    name: 'revision-pod',
    namespace: [absent(injection), absent(revision)],
    pod: [isNot(inject, 'false'), is(revision, ourRevision)],
  },
  { name: 'pod', namespace: [absent(injection), absent(revision)], pod: [is(inject, 'true'), absent(revision)] },
];

const common = {
  // What goes past a control plane that is down would go unprotected.
  failurePolicy: 'Fail',
  matchPolicy: 'Equivalent',
  sideEffects: 'None',
  timeoutSeconds: 10,
  admissionReviewVersions: ['v1'],
};

/** Both webhook configurations. They hold no CA bundle: the control plane writes it, and keeps it right. */
export function webhookManifests(namespace: string): readonly Manifest[] {
  const client = (path: string): object => ({ service: { name: appName, namespace, path, port: 443 } });
  const notThere: Requirement = { key: namespaceName, operator: 'NotIn', values: [...neverInjected, namespace] };
  const outside = ({ name, namespace: asked, pod }: Selection): Selection => ({
    name,
    namespace: [...asked, notThere],
    pod,
  });
  // The control plane says "false", so it never waits for itself; a gateway that lives beside it says "true".
  const inside: Selection = {
    name: 'root-namespace-pod',
    namespace: [is(namespaceName, namespace), isNot(injection, 'disabled')],
    pod: [is(inject, 'true')],
  };
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: injectorName },
      webhooks: [...selections.map(outside), inside].map((selection) => ({
        name: `${selection.name}.injector.coxswain.dev`,
        clientConfig: client('/inject'),
        ...common,
        reinvocationPolicy: 'Never',
        rules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' },
        ],
        namespaceSelector: { matchExpressions: selection.namespace },
        objectSelector: { matchExpressions: selection.pod },
      })),
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: validatorName },
      webhooks: [
        {
          name: 'policies.validator.coxswain.dev',
          clientConfig: client('/validate'),
          ...common,
          rules: Object.entries(meshKinds).map(([group, resources]) => ({
            apiGroups: [group],
            apiVersions: ['*'],
            operations: ['CREATE', 'UPDATE'],
            resources,
            scope: 'Namespaced',
          })),
        },
      ],
    },
  ];
}
