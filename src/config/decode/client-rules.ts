import type { ClientRules } from '../../model/server-tls.ts';
import type { Field, Fields } from './field.ts';

const base64Hash = /^[A-Za-z0-9+/]{43}=$/;
const hexHash = /^[0-9a-fA-F]{64}$|^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){31}$/;

/** Reads which client certificates a server takes. A value that can match nothing is an error: it would shut all out, or seem to allow what it doesn't. */
export function readClientRules(fields: Fields): ClientRules {
  return {
    subjectAltNames: readList(fields.get('subjectAltNames'), (item, text) =>
      text === '' ? item.error('empty-string', 'must not be empty') : text,
    ),
    publicKeys: readList(fields.get('verifyCertificateSpki'), (item, text) =>
      base64Hash.test(text)
        ? text
        : item.error('bad-hash', 'is no SHA-256 hash of a public key', 'write its 32 bytes in base64'),
    ),
    certificates: readList(fields.get('verifyCertificateHash'), (item, text) =>
      hexHash.test(text)
        ? text.replaceAll(':', '').toLowerCase()
        : item.error('bad-hash', 'is no SHA-256 hash of a certificate', 'write its 32 bytes as hexadecimal digits'),
    ),
  };
}

function readList(field: Field, read: (item: Field, text: string) => string | undefined): readonly string[] {
  const found = (field.items() ?? []).flatMap((item) => {
    if (!item.present) item.error('wrong-type', 'must be a string');
    const text = item.string();
    return text === undefined ? [] : (read(item, text) ?? []);
  });
  return [...new Set(found)];
}
