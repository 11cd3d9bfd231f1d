import { MeshError } from '../lib/errors.ts';
import { objectId } from './der.ts';
import { children, type Node, single } from './der-reader.ts';
import { oids } from './oids.ts';

/** What stands in a certificate, as bytes: for what must be taken over exactly or must not be guessed from text. */
export interface CertificateFields {
  /** The subject Name, to stand as issuer in what it signs: names are compared by bytes. */
  readonly subject: Uint8Array;
  /** The subject key identifier; undefined where the certificate has none. */
  readonly keyId: Uint8Array | undefined;
  /** All subject alternative names in order. */
  readonly names: readonly GeneralName[];
}

/** A name of a kind that we tell apart; the rest is `other`. */
export type GeneralName =
  | { readonly kind: 'uri' | 'dns'; readonly value: string }
  | { readonly kind: 'ip'; readonly value: Uint8Array }
  | { readonly kind: 'other' };

const sequenceTag = 0x30;
const extensionsTag = 0xa3;
const keyIdOid = objectId(oids.subjectKeyIdentifier);
const altNameOid = objectId(oids.subjectAltName);

/** Reads a certificate's DER (RFC 5280 section 4.1); what is none gives a MeshError `bad-argument`. */
export function readCertificate(der: Uint8Array): CertificateFields {
  try {
    return readFields(der);
  } catch (thrown) {
    throw new MeshError('bad-argument', 'the certificate is not well-formed DER', { cause: thrown });
  }
}

function readFields(der: Uint8Array): CertificateFields {
  const toBeSigned = child(single(der).value, 0);
  const fields = children(toBeSigned.value);
  // version [0] is there in every certificate with extensions; serial, algorithm, issuer, validity come before the subject
  const subject = fields[5];
  if (fields[0]?.tag !== 0xa0 || subject?.tag !== sequenceTag) throw new RangeError('not a version 3 certificate');
  const block = fields.find((field) => field.tag === extensionsTag);
  const extensions = block === undefined ? [] : children(child(block.value, 0).value);
  const keyId = extension(extensions, keyIdOid);
  const altNames = extension(extensions, altNameOid);
  return {
    subject: subject.whole,
    keyId: keyId === undefined ? undefined : single(keyId).value,
    names: altNames === undefined ? [] : children(single(altNames).value).map(generalName),
  };
}

function child(value: Uint8Array, at: number): Node {
  const node = children(value)[at];
  if (node === undefined) throw new RangeError('a part of the certificate is missing');
  return node;
}

/** The value of an extension: the last part, after its identifier and, maybe, the critical flag. */
function extension(extensions: readonly Node[], oid: Uint8Array): Uint8Array | undefined {
  const found = extensions
    .map((each) => children(each.value))
    .filter(([id]) => id !== undefined && Buffer.compare(id.whole, oid) === 0);
  if (found.length > 1) throw new RangeError('an extension stands there twice');
  return found[0]?.at(-1)?.value;
}

function generalName(node: Node): GeneralName {
  if (node.tag === 0x86) return { kind: 'uri', value: ia5(node.value) };
  if (node.tag === 0x82) return { kind: 'dns', value: ia5(node.value) };
  if (node.tag === 0x87) return { kind: 'ip', value: node.value };
  return { kind: 'other' };
}

/** An IA5String is ASCII; a byte outside it must not turn into some other character. */
function ia5(value: Uint8Array): string {
  if (value.some((byte) => byte > 0x7e || byte < 0x20)) throw new RangeError('a name that is not printable ASCII');
  return Buffer.from(value).toString('latin1');
}
