import { isIP } from 'node:net';
import { assertNever } from '../../lib/assert-never.ts';
import { parseIpRange } from '../../lib/ip.ts';
import type { ObjectMeta } from '../../model/object.ts';
import type { EntryEndpoint, ServiceEntry } from '../../model/service-entry.ts';
import type { Field, Fields } from './field.ts';
import { readHost } from './host.ts';
import { readSocketPath } from './socket-path.ts';
import { readWorkloadFields, workloadFields } from './workload-fields.ts';

/** `endpoints` of a ServiceEntry: what WorkloadEntries would say, in the entry's own namespace. */
export function readEndpoints(field: Field, meta: ObjectMeta): readonly EntryEndpoint[] {
  return (field.items() ?? []).flatMap((item) => {
    item.refuseNull('an endpoint');
    const fields = item.fields(workloadFields, { port: 'write ports, a map from the port names of the entry' });
    if (fields === undefined) return [];
    const { weight, ...workload } = readWorkloadFields(fields, { labels: {} });
    const address = readAddress(item, fields);
    if (address === undefined) return [];
    const addresses = [address];
    return [{ address, weight, workload: { kind: 'WorkloadEntry', meta, addresses, ...workload, ready: true } }];
  });
}

function readAddress(item: Field, fields: Fields): string | undefined {
  const field = fields.get('address');
  if (!field.written) {
    if (!fields.get('network').present)
      return item.error('missing-field', 'address is required', 'add an IP address or a DNS name');
    fields
      .get('network')
      .warning('not-supported', 'gateways of other networks are not used: the endpoint is left out', 'add an address');
    return undefined;
  }
  const text = field.text();
  if (text === undefined) return undefined;
  if (isIP(text) !== 0) return parseIpRange(text)?.address ?? text;
  if (!text.startsWith('unix://')) return readHost(field);
  const path = text.slice('unix://'.length);
  if (/^\/\S+$/.test(path)) return readSocketPath(field, path);
  return field.error('bad-address', 'a Unix socket is named by an absolute path', 'write unix:///run/app.sock');
}

const isSocket = (address: string): boolean => address.startsWith('/');
const isName = (address: string): boolean => !isSocket(address) && isIP(address) === 0;

/** Whether the endpoints fit how they are to be found (behaviour.md 4.6). */
export function checkEndpoints(entry: ServiceEntry, fields: Fields): void {
  const field = fields.get('endpoints');
  if (entry.workloadSelector !== undefined && field.present)
    field.error('two-ways', 'endpoints and workloadSelector exclude each other', 'remove one');
  checkPortNames(entry, field);
  checkSockets(entry, fields);
  const resolution = entry.resolution;
  switch (resolution) {
    case 'NONE':
      checkNone(entry, fields);
      return;
    case 'STATIC':
      checkStatic(entry, fields);
      return;
    case 'DNS':
    case 'DNS_ROUND_ROBIN':
      checkDns(entry, fields);
      return;
    case 'DYNAMIC_DNS':
      checkDynamic(entry, fields);
      return;
    default:
      assertNever(resolution);
  }
}

const listed = (fields: Fields): number => fields.get('endpoints').items()?.length ?? 0;

function checkPortNames({ ports }: ServiceEntry, field: Field): void {
  for (const item of field.items() ?? []) {
    for (const [name, port] of item.child('ports').entries() ?? [])
      if (!ports.some((each) => each.name === name))
        port.warning(
          'unknown-port',
          `the entry has no TCP port ${JSON.stringify(name)}`,
          'use the name of one of its ports',
        );
  }
}

function checkNone({ workloadSelector }: ServiceEntry, fields: Fields): void {
  if (listed(fields) > 0)
    fields
      .get('endpoints')
      .error('endpoints-unused', 'resolution NONE takes no endpoints', 'choose resolution STATIC or DNS');
  if (workloadSelector !== undefined)
    fields
      .get('workloadSelector')
      .warning(
        'not-supported',
        'workloads are not used with resolution NONE: connections keep the address that they were meant for',
        'choose resolution STATIC',
      );
}

function checkStatic({ endpoints, workloadSelector }: ServiceEntry, fields: Fields): void {
  for (const { address } of endpoints)
    if (isName(address))
      fields
        .get('endpoints')
        .error(
          'bad-address',
          `resolution STATIC takes IP addresses, and ${JSON.stringify(address)} is none`,
          'choose resolution DNS, or write an IP address',
        );
  if (listed(fields) === 0 && workloadSelector === undefined)
    fields
      .get('resolution')
      .warning('no-endpoints', 'without endpoints, every request is answered with 503', 'add endpoints');
}

function checkDns({ endpoints, hosts, resolution, workloadSelector }: ServiceEntry, fields: Fields): void {
  const field = fields.get('endpoints');
  if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1)
    field.error('too-many', 'resolution DNS_ROUND_ROBIN takes one endpoint at most', 'choose resolution DNS');
  for (const { address } of endpoints)
    if (address.startsWith('*')) field.error('bad-host', `${JSON.stringify(address)} can't be resolved`);
  if (listed(fields) === 0 && workloadSelector === undefined && hosts.some((host) => host.startsWith('*')))
    fields
      .get('hosts')
      .error('wildcard-with-dns', "a wildcard can't be resolved", 'write a full name, or add endpoints');
}

function checkSockets({ endpoints, resolution, ports }: ServiceEntry, fields: Fields): void {
  if (!endpoints.some(({ address }) => isSocket(address))) return;
  if (resolution !== 'STATIC')
    fields.get('endpoints').error('bad-address', `a Unix socket is for resolution STATIC, not ${resolution}`);
  if (ports.length > 1)
    fields.get('ports').error('too-many', 'a service behind a Unix socket has one port', 'make an entry for each port');
}

function checkDynamic({ hosts }: ServiceEntry, fields: Fields): void {
  if (hosts.some((host) => !host.startsWith('*')))
    fields
      .get('hosts')
      .error('bad-host', 'resolution DYNAMIC_DNS is for wildcard hosts alone', 'choose resolution DNS');
  for (const name of ['endpoints', 'workloadSelector', 'addresses'])
    if (fields.get(name).present)
      fields.get(name).error('endpoints-unused', `resolution DYNAMIC_DNS takes no ${name}`, 'remove it');
  fields
    .get('resolution')
    .warning(
      'not-supported',
      'names are not resolved by the sidecar: connections keep the address that they were meant for, as with NONE',
      'choose resolution NONE',
    );
}
