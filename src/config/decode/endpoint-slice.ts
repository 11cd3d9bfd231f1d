import { isIP } from 'node:net';
import type { EndpointSlice, SliceEndpoint } from '../../model/service.ts';
import type { Field } from './field.ts';
import type { KindReader } from './kind.ts';
import { readTransport } from './ports.ts';

const endpointFields = [
  'addresses',
  'conditions',
  'deprecatedTopology',
  'hints',
  'hostname',
  'nodeName',
  'targetRef',
  'zone',
];
const conditionFields = ['ready', 'serving', 'terminating'];
const portFields = ['appProtocol', 'name', 'port', 'protocol'];
const referenceFields = ['apiVersion', 'fieldPath', 'kind', 'name', 'namespace', 'resourceVersion', 'uid'];
const addressTypes = ['IPv4', 'IPv6', 'FQDN'] as const;
const serviceLabel = 'kubernetes.io/service-name';

/** EndpointSlices: what stands behind a Service. They have no spec; everything is at the top of the document. */
export const endpointSliceReader: KindReader = {
  kind: 'EndpointSlice',
  group: 'discovery.k8s.io',
  versions: ['v1'],
  namespaced: true,
  fields: ['addressType', 'endpoints', 'ports'],
  read({ document, metadata, report }) {
    const typeField = document.get('addressType');
    if (!typeField.present) typeField.error('missing-field', 'addressType is required', 'use IPv4 or IPv6');
    const type = typeField.oneOf(addressTypes);
    const service = metadata.meta.labels[serviceLabel] ?? '';
    if (service === '') {
      report.warning(
        ['metadata', 'labels'],
        'slice-without-service',
        `without label ${serviceLabel} the endpoints belong to no Service`,
        `add the label ${serviceLabel}`,
      );
    }
    const endpoints = (document.get('endpoints').items() ?? []).flatMap((item) => readEndpoint(item, type));
    const ports = (document.get('ports').items() ?? []).flatMap(readPort);
    if (type === 'FQDN') typeField.info('not-supported', 'FQDN endpoints are not served by this version');
    const object: EndpointSlice = {
      kind: 'EndpointSlice',
      meta: metadata.meta,
      service,
      ports,
      endpoints: type === 'FQDN' ? [] : endpoints,
    };
    return { object };
  },
};

function readEndpoint(item: Field, type: (typeof addressTypes)[number] | undefined): readonly SliceEndpoint[] {
  const fields = item.fields(endpointFields);
  if (fields === undefined) return [];
  const addresses = (fields.get('addresses').items() ?? []).flatMap((field) => {
    const text = field.text();
    const want = type === 'IPv4' ? 4 : type === 'IPv6' ? 6 : undefined;
    if (text !== undefined && want !== undefined && isIP(text) !== want)
      field.error('bad-address', `${JSON.stringify(text)} is not an ${type} address`);
    return text === undefined ? [] : [text];
  });
  if (addresses.length === 0) fields.get('addresses').error('missing-field', 'an endpoint needs at least one address');
  const ready = fields.get('conditions').fields(conditionFields)?.get('ready').boolean() ?? true;
  const target = fields.get('targetRef').fields(referenceFields);
  const pod = target?.get('kind').string() === 'Pod' ? (target.get('name').string() ?? '') : '';
  return [{ addresses, ready, pod }];
}

function readPort(item: Field): readonly { readonly name: string; readonly port: number }[] {
  const fields = item.fields(portFields);
  const port = fields?.get('port').integer(1, 65_535);
  if (fields === undefined || readTransport(fields.get('protocol')) !== 'TCP' || port === undefined) return [];
  return [{ name: fields.get('name').string() ?? '', port }];
}
