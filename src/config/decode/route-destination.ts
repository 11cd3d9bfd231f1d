import type { Destination, WeightedDestination } from '../../model/http-route.ts';
import type { Field } from './field.ts';
import { readHost } from './host.ts';
import { readRouteHeaders } from './route-headers.ts';

const maxWeight = 4_294_967_295;

/** Reads one `destination`; undefined where none can be read. */
export function readDestination(field: Field): Destination | undefined {
  field.refuseNull('a destination');
  const fields = field.fields(['host', 'subset', 'port'], { name: 'did you mean "host"?' });
  if (fields === undefined) return undefined;
  if (!fields.get('host').written) field.error('missing-field', 'host is required', 'name the service');
  const host = readHost(fields.get('host'));
  if (host?.startsWith('*'))
    fields.get('host').error('bad-host', 'a destination is one service: there are no wildcards here');
  const subset = fields.get('subset').string() ?? '';
  if (subset !== '' && (subset.length > 63 || !/^[a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?$/.test(subset)))
    fields
      .get('subset')
      .error('bad-name', `${JSON.stringify(subset)} can name no subset`, 'use letters, digits and "-"');
  const port = fields.get('port');
  port.refuseNull('an object');
  const number = port.fields(['number'], { name: 'ports are named by number here' })?.get('number').integer(1, 65_535);
  return host === undefined ? undefined : { host, subset, port: number };
}

/**
 * Reads destinations with their shares (behaviour.md 5.7): the weight of an only one doesn't count, and of several, those with none get
 * nothing. `withHeaders`: HTTP routes change headers for each of them.
 */
export function readWeighted(field: Field, withHeaders: boolean): readonly WeightedDestination[] {
  field.refuseNull('a list');
  const items = field.items() ?? [];
  const all = items.flatMap((item) => readOne(item, withHeaders) ?? []);
  if (items.length === 1) return all.map((each) => ({ ...each, weight: 1 }));
  const sum = all.reduce((total, { weight }) => total + weight, 0);
  if (all.length > 0 && all.length === items.length && sum === 0)
    field.error('no-weight', 'the weights of the destinations sum to 0: none would get anything', 'give one a weight');
  if (sum > maxWeight) field.error('out-of-range', `the weights sum to more than ${maxWeight}`, 'use smaller ones');
  return all.filter(({ weight }) => weight > 0);
}

function readOne(item: Field, withHeaders: boolean): WeightedDestination | undefined {
  item.refuseNull('a destination');
  const fields = item.fields(['destination', 'weight', ...(withHeaders ? ['headers'] : [])], {
    host: 'put it under "destination"',
    subset: 'put it under "destination"',
  });
  if (fields === undefined) return undefined;
  if (!fields.get('destination').written)
    item.error('missing-field', 'destination is required', 'name the service under "destination"');
  const destination = readDestination(fields.get('destination'));
  const weight = fields.get('weight').integer(0, 2_147_483_647) ?? 0;
  const headers = withHeaders ? readRouteHeaders(fields.get('headers')) : undefined;
  return destination === undefined ? undefined : { destination, weight, headers };
}
