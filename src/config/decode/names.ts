import type { Field } from './field.ts';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const labelName = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** Names a Kubernetes object: an RFC 1123 subdomain of at most 253 characters. */
export function checkObjectName(field: Field, name: string): void {
  if (name.length <= 253 && subdomain.test(name)) return;
  field.error(
    'bad-name',
    `${JSON.stringify(name)} is not a valid name`,
    'use lower-case letters, digits, "-" and ".", at most 253 characters',
  );
}

/** Names a namespace: an RFC 1123 label of at most 63 characters. */
export function checkNamespaceName(field: Field, name: string): void {
  if (name.length <= 63 && label.test(name)) return;
  field.error(
    'bad-name',
    `${JSON.stringify(name)} is not a valid namespace name`,
    'use lower-case letters, digits and "-", at most 63 characters',
  );
}

/** Kubernetes' rule for the labels that an object carries: `[prefix/]name` keys, values of at most 63 characters. */
export function checkLabel(field: Field, key: string, value: string): void {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  if (
    name.length > 63 ||
    !labelName.test(name) ||
    (prefix !== undefined && (prefix.length > 253 || !subdomain.test(prefix)))
  ) {
    field.error(
      'bad-label',
      `${JSON.stringify(key)} is not a valid label key`,
      'use [prefix/]name, where name has at most 63 letters, digits, "-", "_" and "."',
    );
  } else if (value.length > 63 || (value !== '' && !labelName.test(value))) {
    field.error(
      'bad-label',
      `${JSON.stringify(value)} is not a valid label value`,
      'use at most 63 letters, digits, "-", "_" and "."',
    );
  }
}
