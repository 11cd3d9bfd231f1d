import { gatewayProblems } from '../inject/gateway.ts';
import { chooseTemplate } from '../inject/template.ts';
import { MeshError } from '../lib/errors.ts';
import { isRecord } from '../lib/is-record.ts';
import type { ManifestDocument } from './manifest-document.ts';
import type { PodTemplate, ServiceSpec } from './pod-plan.ts';
import { splitWords } from './words.ts';

/** Names the app of a pod: a file `<name>.ts` among the example apps, or a program; with its arguments. */
export const commandAnnotation = 'sandbox.coxswain.dev/command';

/** Kinds that would start pods in a cluster and that the sandbox does not run. Ignoring them would look like success. */
const notRun: ReadonlySet<string> = new Set(['StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob']);

/** The pods that a document asks for; `undefined` if it asks for none. */
export function readWorkload(
  document: ManifestDocument,
): { readonly template: PodTemplate; readonly names: readonly string[] } | undefined {
  if (notRun.has(document.kind)) {
    throw problem(document, 'kind', `the sandbox runs no ${document.kind}`, 'use a Deployment or a Pod');
  }
  if (document.kind === 'Pod') {
    return { template: readTemplate(document, document.value, ''), names: [document.name] };
  }
  if (document.kind !== 'Deployment') return undefined;
  const spec = record(document, document.value['spec'], 'spec');
  const replicas = spec['replicas'] ?? 1;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0 || replicas > 500) {
    throw problem(document, 'spec.replicas', 'expected a number from 0 to 500');
  }
  const template = readTemplate(document, record(document, spec['template'], 'spec.template'), 'spec.template.');
  return { template, names: Array.from({ length: replicas }, (_, index) => `${document.name}-${index + 1}`) };
}

/** A Service; `address` is what it gets if it names none itself. One of type ExternalName is a name alone: nothing of it is in the network. */
export function readService(document: ManifestDocument, address: string): ServiceSpec | undefined {
  const spec = record(document, document.value['spec'], 'spec');
  if (spec['type'] === 'ExternalName') return undefined;
  const own = spec['clusterIP'];
  if (own !== undefined && typeof own !== 'string') throw problem(document, 'spec.clusterIP', 'expected an address');
  const ports = list(document, spec['ports'], 'spec.ports').map((each, index) => {
    const field = `spec.ports[${index}]`;
    const port = record(document, each, field);
    const number = portNumber(document, port['port'], `${field}.port`);
    const target = port['targetPort'] ?? number;
    if (typeof target !== 'string' && typeof target !== 'number')
      throw problem(document, `${field}.targetPort`, 'expected a number or a name');
    const name = typeof port['name'] === 'string' ? port['name'] : '';
    return {
      name,
      port: number,
      targetPort: target,
      transport: transport(document, port['protocol'], `${field}.protocol`),
    };
  });
  return {
    name: document.name,
    namespace: document.namespace,
    address: own === 'None' ? undefined : own === undefined || own === '' ? address : own,
    selector: spec['selector'] === undefined ? undefined : strings(document, spec['selector'], 'spec.selector'),
    ports,
  };
}

function readTemplate(
  document: ManifestDocument,
  template: Readonly<Record<string, unknown>>,
  prefix: string,
): PodTemplate {
  const metadata =
    template['metadata'] === undefined ? {} : record(document, template['metadata'], `${prefix}metadata`);
  const spec = record(document, template['spec'], `${prefix}spec`);
  const annotations = strings(document, metadata['annotations'] ?? {}, `${prefix}metadata.annotations`);
  const account = spec['serviceAccountName'] ?? spec['serviceAccount'] ?? 'default';
  if (typeof account !== 'string') throw problem(document, `${prefix}spec.serviceAccountName`, 'expected a name');
  const ports = list(document, spec['containers'], `${prefix}spec.containers`).flatMap((each, index) => {
    const field = `${prefix}spec.containers[${index}]`;
    return list(document, record(document, each, field)['ports'] ?? [], `${field}.ports`).map((entry, at) => {
      const port = record(document, entry, `${field}.ports[${at}]`);
      return {
        name: typeof port['name'] === 'string' ? port['name'] : '',
        port: portNumber(document, port['containerPort'], `${field}.ports[${at}].containerPort`),
        transport: transport(document, port['protocol'], `${field}.ports[${at}].protocol`),
      };
    });
  });
  const command = annotations[commandAnnotation];
  const choice = chooseTemplate(annotations);
  const [wrong] = choice.ok ? (choice.template === 'gateway' ? gatewayProblems(spec) : []) : [choice.problem];
  if (wrong !== undefined) throw problem(document, `${prefix}${wrong.field}`, wrong.message, wrong.hint);
  return {
    namespace: document.namespace,
    workload: document.name,
    labels: strings(document, metadata['labels'] ?? {}, `${prefix}metadata.labels`),
    annotations,
    serviceAccount: account,
    ports,
    proxy: choice.ok && choice.template === 'gateway' ? 'router' : 'sidecar',
    command: command === undefined ? undefined : readCommand(document, command, `${prefix}metadata.annotations`),
  };
}

function readCommand(document: ManifestDocument, text: string, field: string): readonly string[] {
  const words = splitWords(text);
  if (words === undefined || words.length === 0)
    throw problem(document, `${field}["${commandAnnotation}"]`, 'expected a command');
  return words;
}

function portNumber(document: ManifestDocument, value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536) return value;
  throw problem(document, field, 'expected a port number');
}

function transport(document: ManifestDocument, value: unknown, field: string): 'tcp' | 'udp' {
  if (value === undefined || value === 'TCP') return 'tcp';
  if (value === 'UDP') return 'udp';
  throw problem(document, field, 'expected TCP or UDP');
}

function record(document: ManifestDocument, value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (isRecord(value)) return value;
  throw problem(document, field, value === undefined ? 'required' : 'expected an object');
}

function list(document: ManifestDocument, value: unknown, field: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw problem(document, field, value === undefined ? 'required' : 'expected a list');
}

function strings(document: ManifestDocument, value: unknown, field: string): Readonly<Record<string, string>> {
  const read = record(document, value, field);
  return Object.fromEntries(
    Object.entries(read).map(([key, each]) => {
      if (typeof each !== 'string') throw problem(document, `${field}["${key}"]`, 'expected text (put it in quotes)');
      return [key, each];
    }),
  );
}

function problem(document: ManifestDocument, field: string, message: string, hint?: string): MeshError {
  const text = `${document.file}:${document.line}: ${document.kind} ${document.name}: ${field}: ${message}`;
  return new MeshError('bad-argument', text, hint === undefined ? {} : { hint });
}
