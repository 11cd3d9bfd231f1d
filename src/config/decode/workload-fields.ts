import type { ObjectMeta } from '../../model/object.ts';
import type { Workload } from '../../model/workload.ts';
import type { Field, Fields } from './field.ts';
import { checkLabel } from './names.ts';
import { tlsModeLabel } from './pod.ts';

/** Fields of a workload outside Kubernetes, in a WorkloadEntry or in a ServiceEntry. */
export const workloadFields = ['address', 'ports', 'labels', 'network', 'locality', 'weight', 'serviceAccount'];

/** What is read of them, but for the address, which not every reader takes alike. */
export type WorkloadFields = Pick<Workload, 'labels' | 'serviceAccount' | 'namedPorts' | 'tlsMode'> & {
  readonly weight: number | undefined;
};

/** Reads the fields of a workload that stands in no pod (behaviour.md 4.6); `meta` is of the object that it stands in. */
export function readWorkloadFields(spec: Fields, meta: Pick<ObjectMeta, 'labels'>): WorkloadFields {
  for (const name of workloadFields) spec.get(name).refuseNull('a value');
  const labelField = spec.get('labels');
  for (const [key, label] of labelField.entries() ?? []) {
    if (typeof label.value === 'string') checkLabel(label, key, label.value);
  }
  // One without an address is in that network alone, which its reader tells.
  if (spec.get('network').string() && spec.get('address').present)
    spec
      .get('network')
      .warning('not-supported', 'network has no effect: its address is connected to from everywhere', 'remove it');
  if (spec.get('locality').string())
    spec
      .get('locality')
      .warning('not-supported', 'locality has no effect: no endpoint is nearer than others', 'remove it');
  const weight = spec.get('weight').integer(0, 4_294_967_295);
  // Labels of both places count; those of the metadata win, so that a selector sees what `kubectl get -l` sees.
  const labels = { ...labelField.stringMap(), ...meta.labels };
  const serviceAccount = spec.get('serviceAccount').string() ?? '';
  return {
    labels,
    serviceAccount,
    namedPorts: readPorts(spec.get('ports')),
    tlsMode: labels[tlsModeLabel] ?? (serviceAccount === '' ? 'disabled' : 'istio'),
    weight: weight === 0 ? undefined : weight,
  };
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
