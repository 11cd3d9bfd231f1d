import { MeshError } from '../lib/errors.ts';
import { isRecord } from '../lib/is-record.ts';
import { podAddress, serviceAddress } from './addressing.ts';
import { toDocument } from './documents.ts';
import type { ManifestDocument } from './manifest-document.ts';
import { podObject } from './pod-object.ts';
import type { PodPlan, PodTemplate, ServiceSpec } from './pod-plan.ts';
import { withAddress } from './with-address.ts';
import { readService, readWorkload } from './workloads.ts';

/** Everything that `up` decided before it touched the machine. Plain data: it crosses a process boundary as JSON. */
export interface Plan {
  readonly pods: readonly PodPlan[];
  readonly services: readonly ServiceSpec[];
  /** What the control plane reads: the example's objects with addresses filled in, and one Pod for each replica. */
  readonly objects: readonly ManifestDocument[];
}

/** Namespaces that every cluster has. */
const builtInNamespaces: readonly string[] = ['default', 'istio-system'];

/**
 * Plays API server, scheduler and IP allocation for a set of manifests. Pure, and deterministic in the order of the
 * documents, so that addresses in tutorials and tests stay what they are.
 */
export function planSandbox(documents: readonly ManifestDocument[]): Plan {
  rejectDuplicates(documents);
  const namespaces = new Map<string, Readonly<Record<string, string>>>(builtInNamespaces.map((name) => [name, {}]));
  for (const document of documents) {
    if (document.kind === 'Namespace') namespaces.set(document.name, labelsOf(document));
  }
  const accounts = new Set(
    documents.flatMap((each) => (each.kind === 'ServiceAccount' ? [`${each.namespace}/${each.name}`] : [])),
  );
  const pods: PodPlan[] = [];
  const services: ServiceSpec[] = [];
  const objects: ManifestDocument[] = [];
  for (const document of documents) {
    if (document.namespace !== '' && !namespaces.has(document.namespace)) {
      throw new MeshError('bad-argument', `${at(document)}: namespace ${document.namespace} is declared nowhere`, {
        hint: `add a Namespace object named ${document.namespace}`,
      });
    }
    const workload = readWorkload(document);
    if (workload !== undefined) {
      const { template, names } = workload;
      const injected = isInjected(namespaces.get(template.namespace) ?? {}, template);
      checkTemplate(document, template, accounts, injected);
      for (const name of names)
        pods.push({ ...template, name, index: pods.length, ip: podAddress(pods.length), injected });
    } else if (document.kind === 'Service') {
      objects.push(planService(document, services));
    } else {
      objects.push(document);
    }
  }
  const declared = new Set(documents.flatMap((each) => (each.kind === 'Namespace' ? [each.name] : [])));
  const implied = builtInNamespaces
    .filter((name) => !declared.has(name))
    .map((name) => toDocument('sandbox', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  return {
    pods,
    services,
    objects: [...implied, ...objects, ...pods.map((pod) => toDocument('sandbox', podObject(pod)))],
  };
}

/** Adds a Service to those that have a place in the network; gives it as an API server would hold it. */
function planService(document: ManifestDocument, services: ServiceSpec[]): ManifestDocument {
  const service = readService(document, serviceAddress(services.length));
  if (service === undefined) return document;
  services.push(service);
  return withAddress(document, service);
}

/** What a cluster would refuse to run, or would run as something else. */
function checkTemplate(
  document: ManifestDocument,
  { namespace, serviceAccount, proxy, workload }: PodTemplate,
  accounts: ReadonlySet<string>,
  injected: boolean,
): void {
  if (serviceAccount !== 'default' && !accounts.has(`${namespace}/${serviceAccount}`)) {
    throw new MeshError('bad-argument', `${at(document)}: service account ${serviceAccount} is declared nowhere`, {
      hint: `add a ServiceAccount named ${serviceAccount} in namespace ${namespace}`,
    });
  }
  if (proxy === 'router' && !injected) {
    throw new MeshError('bad-argument', `${at(document)}: nothing makes a gateway of ${workload}`, {
      hint: 'add the label sidecar.istio.io/inject: "true" to its pods',
    });
  }
}

/** The injector's decision (behaviour.md §9.3), for the labels that need no revision. */
function isInjected(namespaceLabels: Readonly<Record<string, string>>, template: PodTemplate): boolean {
  const namespace = namespaceLabels['istio-injection'];
  const pod = template.labels['sidecar.istio.io/inject'] ?? template.annotations['sidecar.istio.io/inject'];
  if (namespace === 'enabled') return pod !== 'false';
  return namespace === undefined && pod === 'true';
}

function labelsOf(document: ManifestDocument): Readonly<Record<string, string>> {
  const metadata = document.value['metadata'];
  const labels = isRecord(metadata) ? metadata['labels'] : undefined;
  return isRecord(labels) ? Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)])) : {};
}

function rejectDuplicates(documents: readonly ManifestDocument[]): void {
  const seen = new Map<string, ManifestDocument>();
  for (const document of documents) {
    const key = `${document.kind} ${document.namespace}/${document.name}`;
    const earlier = seen.get(key);
    if (earlier !== undefined) {
      throw new MeshError(
        'bad-argument',
        `${at(document)}: ${document.kind} ${document.name} was declared before, at ${at(earlier)}`,
      );
    }
    seen.set(key, document);
  }
}

function at(document: ManifestDocument): string {
  return `${document.file}:${document.line}`;
}
