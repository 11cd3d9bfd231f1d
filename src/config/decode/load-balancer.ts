import type { ConsistentHash, HashKey, LoadBalancer } from '../../model/traffic-policy.ts';
import { readDuration } from './duration.ts';
import type { Field, Fields } from './field.ts';
import { readHeader } from './header-name.ts';

const methods = ['UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST'] as const;
const warmupMethods: readonly LoadBalancer['method'][] = ['LEAST_REQUEST', 'ROUND_ROBIN'];
/** Envoy's own bounds. */
const [largestRing, largestTable] = [8_388_608, 5_000_011];

const elsewhere = {
  backendUtilization: 'endpoints report no load here; the default, LEAST_REQUEST, is used',
  localityLbSetting: 'endpoints have no locality here',
  zoneAwareLbSetting: 'endpoints have no locality here',
};

/** `loadBalancer` of a traffic policy: how a client chooses an endpoint. */
export function readLoadBalancer(field: Field): LoadBalancer | undefined {
  field.refuseNull('an object');
  const fields = field.fields(['simple', 'consistentHash', 'warmupDurationSecs', 'warmup', ...Object.keys(elsewhere)]);
  if (fields === undefined) return undefined;
  for (const [name, why] of Object.entries(elsewhere)) {
    const each = fields.get(name);
    if (each.present) each.warning('not-supported', `${name} has no effect: ${why}`, 'remove it');
  }
  const hash = fields.get('consistentHash');
  if (hash.present && fields.get('simple').present)
    hash.error('contradiction', 'simple and consistentHash can not be combined', 'remove one');
  const simple = fields.get('simple').oneOf(methods);
  const method = hash.present ? readHash(hash) : simpleOf(simple);
  const warmup = readWarmup(fields);
  if (warmup !== undefined && method !== undefined && !warmupMethods.includes(method))
    fields
      .get('warmup')
      .warning('not-supported', 'only LEAST_REQUEST and ROUND_ROBIN warm endpoints up', 'change simple');
  return method && { method, warmup };
}

function simpleOf(simple: (typeof methods)[number] | undefined): LoadBalancer['method'] {
  return simple === undefined || simple === 'UNSPECIFIED' || simple === 'LEAST_CONN' ? 'LEAST_REQUEST' : simple;
}

function readHash(field: Field): ConsistentHash | undefined {
  const keys = ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'];
  const fields = field.fields([...keys, 'minimumRingSize', 'ringHash', 'maglev']);
  if (fields === undefined) return undefined;
  const written = keys.filter((name) => fields.get(name).present && fields.get(name).value !== false);
  if (written.length !== 1)
    return field.error(
      'one-key',
      written.length === 0
        ? 'consistentHash says nothing to hash'
        : `consistentHash takes one of ${written.join(', ')}`,
      `write one of ${keys.join(', ')}`,
    );
  const key = readKey(fields);
  const algorithm = readAlgorithm(fields);
  return key && { key, algorithm };
}

function readKey(fields: Fields): HashKey | undefined {
  const [header, query] = [fields.get('httpHeaderName'), fields.get('httpQueryParameterName').text()];
  if (header.present) {
    const name = readHeader(header);
    return name === undefined ? undefined : { kind: 'header', name };
  }
  if (query !== undefined) return { kind: 'query', name: query };
  const cookie = fields.get('httpCookie').fields(['name', 'path', 'ttl', 'attributes']);
  if (cookie === undefined) return fields.get('useSourceIp').boolean() === true ? { kind: 'address' } : undefined;
  const attributes = cookie.get('attributes');
  if (attributes.present)
    attributes.warning('not-supported', 'attributes have no effect: the cookie is set without', 'remove them');
  const name = cookie.get('name').text();
  if (name === undefined)
    return cookie.get('name').written ? undefined : fields.get('httpCookie').error('missing-field', 'name is required');
  return {
    kind: 'cookie',
    name,
    path: cookie.get('path').string() ?? '',
    ttlMs: readDuration(cookie.get('ttl'), { zero: true }),
  };
}

function readAlgorithm(fields: Fields): ConsistentHash['algorithm'] {
  const [ring, maglev] = [fields.get('ringHash'), fields.get('maglev')];
  if (ring.present && maglev.present)
    maglev.error('contradiction', 'ringHash and maglev can not be combined', 'remove one');
  if (maglev.present) {
    const size = maglev.fields(['tableSize'])?.get('tableSize');
    const tableSize = size?.integer(2, largestTable);
    if (size !== undefined && tableSize !== undefined && !isPrime(tableSize))
      size.error('out-of-range', `tableSize must be a prime number, not ${tableSize}`, 'use 65537');
    return { kind: 'maglev', tableSize };
  }
  const minimum = ring.present
    ? ring.fields(['minimumRingSize'])?.get('minimumRingSize')
    : fields.get('minimumRingSize');
  return { kind: 'ring', minimumSize: minimum?.integer(0, largestRing) };
}

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return value > 1;
}

function readWarmup(fields: Fields): LoadBalancer['warmup'] {
  const old = readDuration(fields.get('warmupDurationSecs'));
  const warmup = fields.get('warmup').fields(['duration', 'minimumPercent', 'aggression']);
  if (warmup === undefined)
    return old === undefined ? undefined : { durationMs: old, minimumPercent: undefined, aggression: undefined };
  const durationMs = readDuration(warmup.get('duration'));
  if (!warmup.get('duration').written) fields.get('warmup').error('missing-field', 'duration is required');
  const minimumPercent = warmup.get('minimumPercent').number(0, 100);
  const aggression = warmup.get('aggression').number(0, Number.MAX_VALUE);
  return durationMs === undefined ? undefined : { durationMs, minimumPercent, aggression: aggression || undefined };
}
