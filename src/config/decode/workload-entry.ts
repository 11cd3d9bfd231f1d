import { isIP } from 'node:net';
import type { Workload } from '../../model/workload.ts';
import type { Field } from './field.ts';
import type { KindReader } from './kind.ts';
import { checkLabel } from './names.ts';
import { tlsModeLabel } from './pod.ts';

const specFields = ['address', 'ports', 'labels', 'network', 'locality', 'weight', 'serviceAccount'];

/** WorkloadEntries: a workload outside Kubernetes, brought to the same shape as a Pod. */
export const workloadEntryReader: KindReader = {
  kind: 'WorkloadEntry',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  namespaced: true,
  fields: ['spec', 'status'],
  read({ document, metadata }) {
    const { meta, deleting } = metadata;
    const specField = document.get('spec');
    if (!specField.present) specField.error('missing-field', 'spec is required', 'add a spec with an address');
    const spec = specField.fields(specFields, { matchLabels: 'labels stand right under "labels"' });
    if (spec === undefined) return { object: undefined };
    for (const name of specFields) spec.get(name).refuseNull('a value');
    const labelField = spec.get('labels');
    for (const [key, label] of labelField.entries() ?? []) {
      if (typeof label.value === 'string') checkLabel(label, key, label.value);
    }
    spec.get('network').string();
    spec.get('locality').string();
    spec.get('weight').integer(0, 4_294_967_295);
    // Labels of both places count; those of the metadata win, so that a selector sees what `kubectl get -l` sees.
    const labels = { ...labelField.stringMap(), ...meta.labels };
    const serviceAccount = spec.get('serviceAccount').string() ?? '';
    const addresses = readAddress(spec.get('address'), spec.get('network').present);
    const object: Workload = {
      kind: 'WorkloadEntry',
      meta,
      addresses,
      labels,
      serviceAccount,
      namedPorts: readPorts(spec.get('ports')),
      tlsMode: labels[tlsModeLabel] ?? (serviceAccount === '' ? 'disabled' : 'istio'),
      ready: !deleting && addresses.length > 0,
    };
    return { object };
  },
};

function readAddress(field: Field, hasNetwork: boolean): readonly string[] {
  if (!field.written) {
    if (!hasNetwork) field.error('missing-field', 'address is required', 'add the IP address of the workload');
    return [];
  }
  const address = field.text();
  if (address === undefined) return [];
  if (isIP(address) !== 0) return [address];
  field.warning(
    'not-supported',
    `${JSON.stringify(address)} is not an IP address: the workload gets no traffic from this version`,
    'write its IP address',
  );
  return [];
}

function readPorts(field: Field): Readonly<Record<string, number>> {
  const found: [string, number][] = [];
  for (const [name, entry] of field.entries() ?? []) {
    entry.refuseNull('a port number');
    const port = entry.integer(1, 65_535);
    if (port !== undefined) found.push([name, port]);
  }
  return Object.fromEntries(found);
}
