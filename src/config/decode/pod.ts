import { isIP } from 'node:net';
import { isRecord } from '../../lib/is-record.ts';
import type { Workload } from '../../model/workload.ts';
import type { Field, Fields } from './field.ts';
import type { KindReader } from './kind.ts';
import { containerFields, containerPortFields, podSpecFields } from './pod-fields.ts';
import { checkPortName, readTransport } from './ports.ts';

/** Says whether a sidecar that takes mesh mTLS runs beside the workload (behaviour.md 4.4). */
export const tlsModeLabel = 'security.istio.io/tlsMode';

/** Pods: where a workload runs, under which account, with which named ports. */
export const podReader: KindReader = {
  kind: 'Pod',
  group: '',
  versions: ['v1'],
  namespaced: true,
  fields: ['spec', 'status'],
  read({ document, metadata }) {
    const { meta, deleting } = metadata;
    const specField = document.get('spec');
    if (!specField.present) specField.error('missing-field', 'spec is required', 'add a spec with containers');
    const spec = specField.fields(podSpecFields);
    const status = document.get('status').fields(statusFields(document));
    const addresses = status === undefined ? [] : readAddresses(status);
    const object: Workload = {
      kind: 'Pod',
      meta,
      addresses,
      labels: meta.labels,
      serviceAccount: spec === undefined ? 'default' : readServiceAccount(spec),
      namedPorts: spec === undefined ? {} : readNamedPorts(spec),
      tlsMode: meta.labels[tlsModeLabel] ?? 'disabled',
      ready: !deleting && addresses.length > 0 && isReady(status),
    };
    return { object };
  },
};

/** Status is written by the cluster, whose version may be newer than this list: all its fields are let through. */
function statusFields(document: Fields): readonly string[] {
  const { value } = document.get('status');
  return isRecord(value) ? Object.keys(value) : [];
}

function readAddresses(status: Fields): readonly string[] {
  const list = (status.get('podIPs').items() ?? []).flatMap((item) => item.fields(['ip'])?.get('ip') ?? []);
  const read = [status.get('podIP'), ...list].flatMap((field) => {
    const text = field.string();
    if (text === undefined || text === '') return [];
    if (isIP(text) === 0) field.error('bad-address', `${JSON.stringify(text)} is not an IP address`);
    return [text];
  });
  return [...new Set(read)];
}

function readServiceAccount(spec: Fields): string {
  return spec.get('serviceAccountName').string() || spec.get('serviceAccount').string() || 'default';
}

/** First container wins, as in Kubernetes; init containers count only if they keep running (sidecars). */
function readNamedPorts(spec: Fields): Readonly<Record<string, number>> {
  const containersField = spec.get('containers');
  const containers = containersField.items() ?? [];
  if (!containersField.present)
    containersField.error('missing-field', 'containers are required', 'add at least one container');
  const found = new Map<string, number>();
  const take = (container: Field, counts: (fields: Fields) => boolean): void => {
    const fields = container.fields(containerFields);
    if (fields === undefined) return;
    fields.get('name').string();
    for (const item of fields.get('ports').items() ?? []) {
      const port = readContainerPort(item);
      if (port !== undefined && counts(fields) && !found.has(port.name)) found.set(port.name, port.port);
    }
  };
  for (const container of containers) take(container, () => true);
  for (const container of spec.get('initContainers').items() ?? [])
    take(container, (fields) => fields.get('restartPolicy').value === 'Always');
  return Object.fromEntries(found);
}

function readContainerPort(item: Field): { readonly name: string; readonly port: number } | undefined {
  const fields = item.fields(containerPortFields, { port: 'a container port is written as "containerPort"' });
  if (fields === undefined) return undefined;
  const portField = fields.get('containerPort');
  if (!portField.present) portField.error('missing-field', 'containerPort is required', 'add a port, 1 to 65535');
  const port = portField.integer(1, 65_535);
  fields.get('hostPort').integer(0, 65_535);
  const name = fields.get('name').string() ?? '';
  if (name !== '') checkPortName(fields.get('name'), name);
  const transport = readTransport(fields.get('protocol'));
  return port === undefined || name === '' || transport !== 'TCP' ? undefined : { name, port };
}

/** A Pod from a file has no conditions: with an address it counts as ready. */
function isReady(status: Fields | undefined): boolean {
  const phase = status?.get('phase').string();
  if (phase === 'Succeeded' || phase === 'Failed') return false;
  const conditions = status?.get('conditions').items();
  if (conditions === undefined || conditions.length === 0) return true;
  return conditions.some(({ value }) => isRecord(value) && value['type'] === 'Ready' && value['status'] === 'True');
}
