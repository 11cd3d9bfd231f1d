import { isIP } from 'node:net';
import { parseIpRange } from '../../lib/ip.ts';
import type { IpBlock } from '../../model/ip-block.ts';
import type { EntryPort, Resolution, ServiceEntry } from '../../model/service-entry.ts';
import { readExportTo } from './export-to.ts';
import type { Field, Fields } from './field.ts';
import { readHost } from './host.ts';
import type { KindReader } from './kind.ts';
import { networking, underSpec } from './networking.ts';
import { readNetworkingPort } from './networking-port.ts';
import { readSelector } from './selector.ts';
import { checkEndpoints, readEndpoints } from './service-entry-endpoints.ts';
import { readTexts } from './texts.ts';

const specFields = [
  'hosts',
  'addresses',
  'ports',
  'location',
  'resolution',
  'endpoints',
  'workloadSelector',
  'exportTo',
  'subjectAltNames',
];
const resolutions = ['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'] as const;

/** ServiceEntry, whole (behaviour.md 4.6). One with an error is not applied: its last good state stays. */
export const serviceEntryReader: KindReader = {
  ...networking,
  kind: 'ServiceEntry',
  hints: underSpec(specFields),
  read({ document, metadata: { meta }, report }) {
    const spec = document.get('spec');
    spec.refuseNull('an object');
    if (!spec.written) spec.error('missing-field', 'spec is required', 'a ServiceEntry names hosts and ports');
    const fields = spec.fields(specFields, { host: 'write hosts, a list', selector: 'write workloadSelector' });
    if (fields === undefined) return { object: undefined };
    for (const name of specFields) fields.get(name).refuseNull('a value');
    const resolution = fields.get('resolution').oneOf(resolutions) ?? 'NONE';
    const ports = readPorts(fields.get('ports'), resolution);
    const addresses = readAddresses(fields.get('addresses'), resolution);
    const selector = fields.get('workloadSelector');
    const object: ServiceEntry = {
      kind: 'ServiceEntry',
      meta,
      hosts: readHosts(spec, fields.get('hosts')),
      ...addresses,
      ports,
      location:
        fields.get('location').oneOf(['MESH_EXTERNAL', 'MESH_INTERNAL'] as const) === 'MESH_INTERNAL'
          ? 'internal'
          : 'external',
      resolution,
      endpoints: readEndpoints(fields.get('endpoints'), meta),
      workloadSelector: selector.written ? readSelector(selector, 'labels') : undefined,
      exportTo: readExportTo(fields.get('exportTo'), meta.namespace),
      subjectAltNames: readTexts(fields.get('subjectAltNames')),
    };
    checkEndpoints(object, fields);
    checkHosts(object, fields);
    return { object: report.clean ? object : undefined };
  },
};

function readHosts(spec: Field, field: Field): readonly string[] {
  if (!field.written || field.items()?.length === 0)
    spec.error('missing-field', 'hosts is required', 'name at least one host');
  const found = new Set<string>();
  for (const item of field.items() ?? []) {
    const host = readHost(item);
    if (host === '*') item.error('bad-host', '"*" alone would stand for every host', 'write "*." and a domain');
    else if (host !== undefined) {
      if (found.has(host)) item.warning('duplicate', `host ${JSON.stringify(host)} is named twice`, 'remove one');
      found.add(host);
    }
  }
  return [...found];
}

function readAddresses(
  field: Field,
  resolution: Resolution,
): { readonly addresses: readonly string[]; readonly blocks: readonly IpBlock[] } {
  const addresses = new Set<string>();
  const blocks = new Map<string, IpBlock>();
  for (const item of field.items() ?? []) {
    item.refuseNull('an address');
    const text = item.text();
    if (text === undefined) continue;
    const range = parseIpRange(text);
    if (range === undefined) {
      item.error('bad-address', `${JSON.stringify(text)} is no IP address or CIDR block`, 'write it like 10.0.0.0/8');
    } else if (range.prefixLength === (isIP(range.address) === 4 ? 32 : 128)) {
      if (range.address === '0.0.0.0' || range.address === '::')
        item.warning('no-address', `${text} is no address that anybody connects to`, 'remove it');
      else addresses.add(range.address);
    } else {
      blocks.set(`${range.address}/${range.prefixLength}`, range);
      if (resolution !== 'NONE' && resolution !== 'STATIC')
        item.error(
          'block-with-dns',
          `a CIDR block is for resolution NONE or STATIC, not ${resolution}`,
          'write single addresses',
        );
    }
  }
  return { addresses: [...addresses], blocks: [...blocks.values()] };
}

function readPorts(field: Field, resolution: Resolution): readonly EntryPort[] {
  const found: EntryPort[] = [];
  const names = new Set<string>();
  const numbers = new Set<number>();
  const items = field.items() ?? [];
  if (items.length === 0) field.warning('no-ports', 'without ports, no traffic is for this service', 'add ports');
  for (const item of items) {
    item.refuseNull('a port');
    const fields = item.fields(['number', 'name', 'protocol', 'targetPort'], { port: 'write number' });
    if (fields === undefined) continue;
    const target = fields.get('targetPort');
    target.refuseNull('a port number');
    const targetPort = target.integer(1, 65_535);
    if (target.present && resolution === 'NONE')
      target.warning(
        'not-supported',
        'targetPort has no effect with resolution NONE: connections keep the port that they were meant for',
        'remove it, or list endpoints and choose resolution STATIC or DNS',
      );
    const port = readNetworkingPort(item, fields, { least: 1, nameRequired: true });
    if (port === undefined) continue;
    const { name, number, protocol } = port;
    if (names.has(name))
      fields.get('name').error('duplicate-port-name', `port name ${JSON.stringify(name)} is used twice`, 'rename one');
    if (numbers.has(number)) fields.get('number').error('duplicate', `port ${number} is declared twice`, 'remove one');
    names.add(name);
    numbers.add(number);
    if (protocol === 'udp') item.info('not-tcp', `port ${number} is UDP: it is left out of the mesh`);
    else found.push({ name, port: number, protocol, targetPort: targetPort ?? number });
  }
  return found;
}

/** What only shows when hosts, ports and addresses are seen together. */
function checkHosts(entry: ServiceEntry, fields: Fields): void {
  const { hosts, ports, addresses, blocks } = entry;
  const wild = hosts.filter((host) => host.startsWith('*'));
  for (const host of wild) {
    if (!host.startsWith('*.') && ports.some(({ protocol }) => protocol === 'tls'))
      fields
        .get('hosts')
        .warning(
          'not-supported',
          `${JSON.stringify(host)} can be no server name to look for: its TLS ports are left out`,
          'write "*." and a domain',
        );
  }
  if (addresses.length > 0 || blocks.length > 0) return;
  for (const { port, protocol, name } of ports) {
    if (protocol === 'tcp' || protocol === 'auto')
      fields
        .get('ports')
        .warning(
          'tcp-without-address',
          `nothing tells TCP to port ${port} (${name}) from other TCP to that port: all of it is taken for this service`,
          'add addresses, or declare protocol HTTP or TLS if it is that',
        );
  }
}
