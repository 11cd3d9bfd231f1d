import { isIP } from 'node:net';
import type { Workload } from '../../model/workload.ts';
import type { Field } from './field.ts';
import type { KindReader } from './kind.ts';
import { readWorkloadFields, workloadFields } from './workload-fields.ts';

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
    const spec = specField.fields(workloadFields, { matchLabels: 'labels stand right under "labels"' });
    if (spec === undefined) return { object: undefined };
    const { weight, ...workload } = readWorkloadFields(spec, meta);
    if (weight !== undefined)
      spec
        .get('weight')
        .warning('not-supported', 'weight has no effect: only endpoints in a ServiceEntry have one', 'remove it');
    const addresses = readAddress(spec.get('address'), spec.get('network').present);
    const object: Workload = {
      kind: 'WorkloadEntry',
      meta,
      addresses,
      ...workload,
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
