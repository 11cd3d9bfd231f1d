import type { Field } from './field.ts';

const transports = ['TCP', 'UDP', 'SCTP'] as const;

/** Transport of a port; TCP where nothing is written. */
export function readTransport(field: Field): string {
  return field.oneOf(transports) ?? 'TCP';
}

/** Names of container ports: RFC 6335 service names. */
export function checkPortName(field: Field, name: string): void {
  if (name.length <= 15 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name) && /[a-z]/.test(name) && !name.includes('--'))
    return;
  field.error(
    'bad-name',
    `${JSON.stringify(name)} is not a valid port name`,
    'use at most 15 lower-case letters, digits and "-", with at least one letter',
  );
}

/** Names of Service ports: RFC 1123 labels, which may be longer. */
export function checkServicePortName(field: Field, name: string): void {
  if (name.length <= 63 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name)) return;
  field.error(
    'bad-name',
    `${JSON.stringify(name)} is not a valid port name`,
    'use lower-case letters, digits and "-", at most 63 characters',
  );
}
