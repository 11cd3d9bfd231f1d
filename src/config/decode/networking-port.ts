import type { Protocol } from '../../model/service.ts';
import type { Field, Fields } from './field.ts';
import { hintFor } from './suggest.ts';

/** The words by which objects of the networking API declare what a port carries; undefined: UDP, which the mesh leaves alone. */
const protocols: Readonly<Record<string, Protocol | undefined>> = {
  HTTP: 'http',
  HTTP2: 'http2',
  GRPC: 'grpc',
  'GRPC-WEB': 'http',
  HTTP_PROXY: 'http',
  HTTPS: 'tls',
  TLS: 'tls',
  TCP: 'tcp',
  MONGO: 'tcp',
  MYSQL: 'tcp',
  REDIS: 'tcp',
  UDP: undefined,
};

/** A port as ServiceEntries and Sidecars write one. */
export interface NetworkingPort {
  readonly number: number;
  readonly name: string;
  readonly protocol: Protocol | 'udp';
}

/** What differs between those who write ports. */
export interface PortRules {
  readonly least: number;
  readonly nameRequired: boolean;
}

/** `number`, `name` and `protocol` of a port. Without a protocol, what it carries is sniffed. */
export function readNetworkingPort(field: Field, fields: Fields, rules: PortRules): NetworkingPort | undefined {
  for (const name of ['number', 'name', 'protocol']) fields.get(name).refuseNull('a value');
  const numberField = fields.get('number');
  if (!numberField.written && rules.least > 0)
    field.error('missing-field', 'number is required', 'add a port, 1 to 65535');
  const number =
    numberField.integer(rules.least, 65_535) ?? (rules.least === 0 && !numberField.written ? 0 : undefined);
  const name = readName(field, fields.get('name'), rules.nameRequired);
  const protocol = readProtocol(fields.get('protocol'));
  return number === undefined || name === undefined || protocol === undefined ? undefined : { number, name, protocol };
}

function readName(port: Field, field: Field, required: boolean): string | undefined {
  if (!field.written)
    return required ? port.error('missing-field', 'name is required', 'name the port, like https') : '';
  const name = field.text();
  if (name === undefined) return undefined;
  if (name.length <= 256 && /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name)) return name;
  return field.error('bad-name', `${JSON.stringify(name)} is not a valid port name`, 'use letters, digits and "-"');
}

function readProtocol(field: Field): Protocol | 'udp' | undefined {
  if (!field.written || field.value === '') return 'auto';
  const text = field.text();
  if (text === undefined) return undefined;
  const word = text.toUpperCase();
  if (Object.hasOwn(protocols, word)) return protocols[word] ?? 'udp';
  const known = Object.keys(protocols);
  return field.error(
    'bad-value',
    `unsupported protocol ${JSON.stringify(text)}`,
    hintFor(word, known) || `use one of: ${known.join(', ')}`,
  );
}
