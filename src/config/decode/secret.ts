import { hash } from 'node:crypto';
import { Redacted } from '../../lib/redacted.ts';
import { compareText } from '../../model/object.ts';
import { type CredentialEntry, credentialEntries, credentialTypes } from '../../model/secret.ts';
import type { Field } from './field.ts';
import type { KindReader } from './kind.ts';

/** Standard base64 as the API server takes it: padded, line breaks allowed. */
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Secrets, as far as they can be credentials of a gateway. Most of a cluster's are none, so nothing is said here about
 * what is missing in one: that is told where a gateway names it. No message shows a value.
 */
export const secretReader: KindReader = {
  kind: 'Secret',
  group: '',
  versions: ['v1'],
  namespaced: true,
  fields: ['data', 'immutable', 'stringData', 'type'],
  hints: { spec: 'a Secret has no spec: put "data" or "stringData" at the top' },
  read({ document, metadata }) {
    const type = document.get('type').string() ?? '';
    document.get('immutable').boolean();
    const known = credentialTypes.includes(type);
    const entries = new Map<CredentialEntry, Redacted<Uint8Array>>();
    for (const [field, read] of [
      [document.get('data'), encoded],
      [document.get('stringData'), plain],
    ] as const) {
      for (const [name, entry] of field.entries() ?? []) {
        const bytes = read(entry);
        const credential = credentialEntries.find((each) => each === name);
        if (known && bytes !== undefined && credential !== undefined) entries.set(credential, new Redacted(bytes));
      }
    }
    if (!known) return { object: undefined };
    const sorted = new Map([...entries].sort(([a], [b]) => compareText(a, b)));
    // An annotation may hold the whole object as it was applied.
    const meta = { ...metadata.meta, annotations: {} };
    return { object: { kind: 'Secret', meta, entries: sorted, fingerprint: fingerprint(sorted) } };
  },
};

function encoded(field: Field): Uint8Array | undefined {
  if (!field.present) return new Uint8Array();
  if (typeof field.value !== 'string')
    return field.error('wrong-type', 'must be a base64 string', 'plain text stands under "stringData"');
  const text = field.value.replace(/[\r\n]/g, '');
  if (base64.test(text)) return new Uint8Array(Buffer.from(text, 'base64'));
  return field.error('bad-base64', 'is not base64', 'plain text stands under "stringData"');
}

function plain(field: Field): Uint8Array | undefined {
  if (!field.present) return new Uint8Array();
  if (typeof field.value !== 'string') return field.error('wrong-type', 'must be a string');
  return new Uint8Array(Buffer.from(field.value));
}

function fingerprint(entries: ReadonlyMap<CredentialEntry, Redacted<Uint8Array>>): string {
  const parts = [...entries].map(([name, bytes]) => `${name} ${hash('sha256', bytes.reveal(), 'base64url')}`);
  return hash('sha256', parts.join('\n'), 'base64url');
}
