import type { CredentialRef } from '../../model/server-tls.ts';
import type { Field } from './field.ts';
import { checkNamespaceName, checkObjectName } from './names.ts';

const scheme = /^([a-z-]+):\/\/(.*)$/s;

/** Reads the name of a credential: `x`, `kubernetes://x` or `kubernetes://ns/x` (behaviour.md 5.5). */
export function readCredential(field: Field): CredentialRef | undefined {
  const text = field.text();
  if (text === undefined) return undefined;
  const [, kind = 'kubernetes', rest = text] = scheme.exec(text) ?? [];
  if (kind !== 'kubernetes') {
    return field.error(
      'not-supported',
      `credentials of ${kind}:// are not served by this version`,
      'name a Secret in the namespace of the gateway',
    );
  }
  const slash = text === rest ? -1 : rest.indexOf('/');
  const namespace = slash < 0 ? undefined : rest.slice(0, slash);
  const name = rest.slice(slash + 1);
  const { clean } = field.report.attempt(() => {
    if (namespace !== undefined) checkNamespaceName(field, namespace);
    checkObjectName(field, name);
  });
  return clean ? { namespace, name } : undefined;
}

/** Reads `credentialNames`: a certificate of each type of key. */
export function readCredentials(field: Field): readonly CredentialRef[] | undefined {
  const items = field.items();
  if (items === undefined) return undefined;
  if (items.length === 0) return field.error('missing-field', 'must name at least one Secret');
  if (items.length > 2)
    return field.error('too-many', `takes at most 2 names, not ${items.length}: one of each type of key`);
  const names = items.map((item) =>
    item.present ? readCredential(item) : item.error('wrong-type', 'must be a string'),
  );
  const read = names.filter((each) => each !== undefined);
  return read.length === names.length ? read : undefined;
}
