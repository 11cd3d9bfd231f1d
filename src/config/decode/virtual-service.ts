import type { Host } from '../../model/host.ts';
import { meshGateway, type VirtualService } from '../../model/virtual-service.ts';
import { readConnectionRoute } from './connection-route.ts';
import { readExportTo } from './export-to.ts';
import type { Field, Fields } from './field.ts';
import { readHost } from './host.ts';
import { readHttpRoute } from './http-route.ts';
import type { KindReader } from './kind.ts';
import { networking, underSpec } from './networking.ts';
import { readGateways } from './route-audience.ts';

const specFields = ['hosts', 'gateways', 'http', 'tls', 'tcp', 'exportTo'];

/** VirtualService, whole (behaviour.md 5.7). One with an error is not applied: its last good state stays. */
export const virtualServiceReader: KindReader = {
  ...networking,
  kind: 'VirtualService',
  hints: underSpec(specFields),
  read({ document, metadata, report }) {
    const { meta } = metadata;
    const spec = document.get('spec');
    spec.refuseNull('an object');
    if (!spec.written) spec.error('missing-field', 'spec is required', 'a VirtualService has hosts and routes');
    const fields = spec.fields(specFields, {
      host: 'write hosts, a list',
      gateway: 'write gateways, a list',
      route: 'put it under an entry of "http"',
      match: 'put it under an entry of "http"',
    });
    if (fields === undefined) return { object: undefined };
    for (const name of specFields) if (name !== 'gateways') fields.get(name).refuseNull('a list');
    const hosts = readHosts(fields.get('hosts'));
    const gateways = readGateways(fields.get('gateways'), meta.namespace);
    const { namespace } = meta;
    const connections = (kind: 'tls' | 'tcp') =>
      routes(fields.get(kind), (item) => readConnectionRoute(item, { kind, hosts, namespace }));
    const object: VirtualService = {
      kind: 'VirtualService',
      meta,
      hosts,
      gateways: gateways ?? [meshGateway],
      http: routes(fields.get('http'), (item) => readHttpRoute(item, namespace)),
      tls: connections('tls'),
      tcp: connections('tcp'),
      exportTo: readExportTo(fields.get('exportTo'), namespace),
    };
    checkWhole(spec, fields, object);
    return { object: report.clean ? object : undefined };
  },
};

function routes<T>(field: Field, read: (item: Field) => T | undefined): readonly T[] {
  return (field.items() ?? []).flatMap((item) => read(item) ?? []);
}

function readHosts(field: Field): readonly Host[] {
  const found = new Set<Host>();
  for (const item of field.items() ?? []) {
    const host = readHost(item);
    if (host === undefined) continue;
    if (found.has(host)) item.error('duplicate', `host ${JSON.stringify(host)} is there twice`, 'remove one');
    found.add(host);
  }
  return [...found];
}

/** What only the object as a whole shows: without hosts it is a delegate, which has HTTP routes and nothing else. */
function checkWhole(spec: Field, fields: Fields, { hosts, gateways }: VirtualService): void {
  const kinds = ['http', 'tls', 'tcp'].filter((name) => (fields.get(name).items()?.length ?? 0) > 0);
  if (kinds.length === 0)
    spec.error('no-routes', 'there is no route: nothing would be done for its hosts', 'add http, tls or tcp');
  if ((fields.get('hosts').items()?.length ?? 0) === 0) {
    for (const name of ['gateways', 'tls', 'tcp']) {
      if ((fields.get(name).items()?.length ?? 0) > 0)
        fields.get(name).error('delegate-only-http', `${name} can't be set without hosts`, 'add hosts');
    }
    for (const [index, route] of (fields.get('http').items() ?? []).entries()) {
      if (route.child('delegate').present)
        fields.get('http').items()?.[index]?.child('delegate').error('nested-delegate', 'a delegate can not delegate');
    }
  } else if (hosts.includes('*') && gateways.includes(meshGateway)) {
    fields
      .get('hosts')
      .error('mesh-wildcard', 'sidecars take no routes for every host', 'name the hosts, or name Gateways alone');
  }
}
