import { meshGateway, type RouteAudience } from '../../model/virtual-service.ts';
import type { Field, Fields } from './field.ts';

/** Fields of a match that say whom it is for. */
export const audienceFields = ['port', 'sourceLabels', 'sourceNamespace', 'gateways'];

/** Whom a match is for. Names of gateways are taken as those of VirtualServices in `namespace`. */
export function readAudience(fields: Fields, namespace: string): RouteAudience {
  const gateways = readGateways(fields.get('gateways'), namespace) ?? [];
  const audience = {
    gateways,
    sourceLabels: fields.get('sourceLabels').stringMap(),
    sourceNamespace: fields.get('sourceNamespace').string() ?? '',
    port: fields.get('port').integer(0, 65_535) || undefined,
  };
  if (gateways.length > 0) {
    for (const name of ['sourceLabels', 'sourceNamespace']) {
      if (fields.get(name).present)
        fields.get(name).warning('no-effect', `${name} has no effect beside gateways`, 'remove one of them');
    }
    return { ...audience, sourceLabels: {}, sourceNamespace: '' };
  }
  return audience;
}

/** Names of Gateways, in full, and `mesh`; undefined where none is written. */
export function readGateways(field: Field, namespace: string): readonly string[] | undefined {
  field.refuseNull('a list');
  const items = field.items();
  if (items === undefined || items.length === 0) return undefined;
  return [...new Set(items.flatMap((item) => readGateway(item, namespace) ?? []))];
}

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** `name`, `namespace/name`, `./name`, or in the old way `name.namespace`. */
function readGateway(item: Field, own: string): string | undefined {
  item.refuseNull('a gateway');
  const text = item.text();
  if (text === undefined || text === meshGateway) return text;
  const [first = '', second, ...rest] = text.split('/');
  const [namespace, name] = second === undefined ? oldName(first, own) : [first === '.' ? own : first, second];
  if (rest.length === 0 && label.test(namespace) && subdomain.test(name) && name.length <= 253)
    return `${namespace}/${name}`;
  return item.error(
    'bad-gateway',
    `${JSON.stringify(text)} names no gateway`,
    'write <namespace>/<name>, a name of this namespace, or "mesh" for the sidecars',
  );
}

function oldName(text: string, own: string): readonly [namespace: string, name: string] {
  const [name = '', namespace] = text.split('.');
  return namespace === undefined ? [own, text] : [namespace, name];
}
