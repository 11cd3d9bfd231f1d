import { type Host, hostWithin } from '../../model/host.ts';
import type { IpBlock } from '../../model/ip-block.ts';
import type { ConnectionMatch, ConnectionRoute } from '../../model/virtual-service.ts';
import { readIpBlock } from './authorization-values.ts';
import type { Field, Fields } from './field.ts';
import { readHost } from './host.ts';
import { audienceFields, readAudience } from './route-audience.ts';
import { readWeighted } from './route-destination.ts';

/** Of which kind a route is, and the hosts and the namespace of its VirtualService. */
interface Context {
  readonly kind: 'tls' | 'tcp';
  readonly hosts: readonly Host[];
  readonly namespace: string;
}

/** Reads one entry of `tls` or `tcp` (behaviour.md 5.7). */
export function readConnectionRoute(item: Field, context: Context): ConnectionRoute | undefined {
  item.refuseNull('a route');
  const fields = item.fields(['match', 'route'], { destination: 'put it under an entry of "route"' });
  if (fields === undefined) return undefined;
  const match = fields.get('match');
  match.refuseNull('a list');
  const items = match.items() ?? [];
  if (context.kind === 'tls' && items.length === 0)
    item.error('missing-field', 'match is required', 'say which sniHosts this is for');
  if (!fields.get('route').present || fields.get('route').items()?.length === 0)
    item.error('no-action', 'says nothing of where connections go', 'add a route');
  return {
    matches: items.flatMap((each) => readMatch(each, context) ?? []),
    destinations: readWeighted(fields.get('route'), false),
  };
}

function readMatch(item: Field, { kind, hosts, namespace }: Context): ConnectionMatch | undefined {
  item.refuseNull('a match');
  const own = kind === 'tls' ? 'sniHosts' : 'sourceSubnet';
  const known = [own, 'destinationSubnets', ...audienceFields];
  const fields = item.fields(known, kind === 'tls' ? { hosts: 'did you mean "sniHosts"?' } : {});
  if (fields === undefined) return undefined;
  for (const name of known) if (name !== 'gateways') fields.get(name).refuseNull('a value');
  if (kind === 'tcp' && !known.some((name) => fields.get(name).present))
    item.error('empty-match', 'matches nothing in particular', 'remove the whole list to match every connection');
  return {
    ...readAudience(fields, namespace),
    sniHosts: kind === 'tls' ? readSniHosts(item, fields, hosts) : [],
    destinationSubnets: (fields.get('destinationSubnets').items() ?? []).flatMap((each) => readIpBlock(each) ?? []),
    sourceSubnets: kind === 'tcp' ? readSource(fields.get('sourceSubnet')) : [],
  };
}

function readSource(field: Field): readonly IpBlock[] {
  if (!field.present || field.value === '') return [];
  const block = readIpBlock(field);
  return block === undefined ? [] : [block];
}

/** Each must be within a host of the object: a route can't take what isn't its own (behaviour.md 5.7). */
function readSniHosts(item: Field, fields: Fields, hosts: readonly Host[]): readonly Host[] {
  const items = fields.get('sniHosts').items() ?? [];
  if (items.length === 0) item.error('missing-field', 'sniHosts is required', 'name what clients send');
  return items.flatMap((each) => {
    const host = readHost(each);
    if (host === undefined) return [];
    if (host !== '*' && host.startsWith('*') && !host.startsWith('*.'))
      each.error('bad-host', `${JSON.stringify(host)} can't be looked for in TLS`, 'a wildcard is "*" or "*.<domain>"');
    if (!hosts.some((own) => hostWithin(host, own)))
      each.error('sni-not-in-hosts', `${JSON.stringify(host)} is within none of the hosts`, 'add it to spec.hosts');
    return host;
  });
}
