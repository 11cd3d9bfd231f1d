import type { DestinationRule, Subset } from '../../model/destination-rule.ts';
import { readExportTo } from './export-to.ts';
import type { Field } from './field.ts';
import { readHost } from './host.ts';
import type { KindReader } from './kind.ts';
import { networking, underSpec } from './networking.ts';
import { readSelector } from './selector.ts';
import { readTrafficPolicy } from './traffic-policy.ts';

const specFields = ['host', 'trafficPolicy', 'subsets', 'exportTo', 'workloadSelector'];

/** DestinationRule, whole (behaviour.md 4.5). One with an error is not applied: its last good state stays. */
export const destinationRuleReader: KindReader = {
  ...networking,
  kind: 'DestinationRule',
  hints: underSpec(specFields),
  read({ document, metadata, report }) {
    const { meta } = metadata;
    const spec = document.get('spec');
    spec.refuseNull('an object');
    const fields = spec.fields(specFields, {
      tls: 'put it under "trafficPolicy"',
      hosts: 'a DestinationRule has one host',
      selector: 'write workloadSelector',
    });
    if (fields === undefined) {
      if (!spec.written)
        document.get('spec').error('missing-field', 'spec is required', 'a DestinationRule names a host');
      return { object: undefined };
    }
    if (!fields.get('host').written) spec.error('missing-field', 'host is required', 'name the service');
    const host = readHost(fields.get('host'));
    const object: Omit<DestinationRule, 'host'> = {
      kind: 'DestinationRule',
      meta,
      trafficPolicy: readTrafficPolicy(fields.get('trafficPolicy')),
      subsets: readSubsets(fields.get('subsets')),
      exportTo: readExportTo(fields.get('exportTo'), meta.namespace),
      workloadSelector: fields.get('workloadSelector').written
        ? readSelector(fields.get('workloadSelector'))
        : undefined,
    };
    return { object: host === undefined || !report.clean ? undefined : { ...object, host } };
  },
};

function readSubsets(field: Field): readonly Subset[] {
  field.refuseNull('a list');
  const found = new Map<string, Subset>();
  for (const item of field.items() ?? []) {
    item.refuseNull('a subset');
    const fields = item.fields(['name', 'labels', 'trafficPolicy']);
    const name = fields?.get('name').text();
    if (fields === undefined) continue;
    const trafficPolicy = readTrafficPolicy(fields.get('trafficPolicy'));
    const labels = fields.get('labels').stringMap();
    if (name === undefined) {
      if (!fields.get('name').written)
        item.error('missing-field', 'name is required', 'VirtualServices name a subset by it');
      continue;
    }
    if (!/^[a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?$/.test(name) || name.length > 63)
      fields.get('name').error('bad-name', `${JSON.stringify(name)} can name no subset`, 'use letters, digits and "-"');
    if (found.has(name))
      fields.get('name').error('duplicate', `there are two subsets ${JSON.stringify(name)}`, 'rename one');
    found.set(name, { name, labels, trafficPolicy });
  }
  return [...found.values()];
}
