import { hash, type KeyObject, sign } from 'node:crypto';
import { assertNever } from '../lib/assert-never.ts';
import { MeshError } from '../lib/errors.ts';
import { spiffeId } from '../model/ids.ts';
import {
  bitString,
  booleanTrue,
  explicit,
  implicit,
  ipBytes,
  namedBits,
  nullValue,
  objectId,
  octetString,
  sequence,
  set,
  time,
  unsignedInteger,
  utf8String,
} from './der.ts';
import { children, single } from './der-reader.ts';
import { oids } from './oids.ts';
import type { LeafNames, LeafTemplate } from './template.ts';

/** What signs: a private key, and what its certificate says of itself. */
export interface Signer {
  readonly key: KeyObject;
  /** Subject Name of the signing certificate, DER. */
  readonly subject: Uint8Array;
  /** Its subject key identifier. */
  readonly keyId: Uint8Array;
}

/** What a self-signed root holds. */
export interface RootTemplate {
  readonly organization: string;
  readonly commonName: string;
  readonly publicKey: Uint8Array;
  readonly serial: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Bits of KeyUsage (RFC 5280 section 4.2.1.3). */
const digitalSignature = 0;
const keyCertSign = 5;
const crlSign = 6;

const version3 = explicit(0, unsignedInteger(Buffer.from([2])));
const noSubject = sequence();

// The same in every leaf. An EC key can't encipher, so digitalSignature stands alone (RFC 5480 section 3; X509-SVID
// section 4.3 asks for no more).
const leafConstants = [
  extension(oids.basicConstraints, sequence(), 'critical'),
  extension(oids.keyUsage, namedBits(digitalSignature), 'critical'),
  extension(oids.extendedKeyUsage, sequence(objectId(oids.serverAuth), objectId(oids.clientAuth))),
];

/**
 * Signs a leaf; gives its DER. The layout is fixed, so that equal templates differ in the signature alone. The subject
 * is empty and the names therefore critical (RFC 5280 section 4.2.1.6, X509-SVID section 4.1).
 */
export function signLeaf(template: LeafTemplate, signer: Signer): Buffer {
  const algorithm = signatureAlgorithm(signer.key);
  const extensions = sequence(
    ...leafConstants,
    extension(oids.subjectKeyIdentifier, octetString(keyIdOf(template.publicKey))),
    extension(oids.authorityKeyIdentifier, sequence(implicit(0, signer.keyId))),
    extension(oids.subjectAltName, sequence(...generalNames(template.names)), 'critical'),
  );
  return certificate(
    [
      version3,
      unsignedInteger(template.serial),
      algorithm.der,
      signer.subject,
      validity(template),
      noSubject,
      template.publicKey,
      explicit(3, extensions),
    ],
    signer.key,
    algorithm,
  );
}

/** Signs a root with its own key; gives its DER. It may sign leaves and revocation lists, and no further authority. */
export function signRoot(template: RootTemplate, key: KeyObject): Buffer {
  const algorithm = signatureAlgorithm(key);
  const name = sequence(
    attribute(oids.organization, template.organization),
    attribute(oids.commonName, template.commonName),
  );
  const extensions = sequence(
    extension(oids.basicConstraints, sequence(booleanTrue, unsignedInteger(Buffer.from([0]))), 'critical'),
    extension(oids.keyUsage, namedBits(keyCertSign, crlSign), 'critical'),
    extension(oids.subjectKeyIdentifier, octetString(keyIdOf(template.publicKey))),
  );
  return certificate(
    [
      version3,
      unsignedInteger(template.serial),
      algorithm.der,
      name,
      validity(template),
      name,
      template.publicKey,
      explicit(3, extensions),
    ],
    key,
    algorithm,
  );
}

/** Key identifier: SHA-1 of the public key's bits. A name, not a security measure (RFC 5280 section 4.2.1.2, method 1). */
export function keyIdOf(publicKey: Uint8Array): Buffer {
  const bits = children(single(publicKey).value)[1];
  if (bits === undefined) throw new MeshError('bad-argument', 'the public key is not a SubjectPublicKeyInfo');
  return hash('sha1', bits.value.subarray(1), 'buffer');
}

interface SignatureAlgorithm {
  readonly digest: string;
  /** AlgorithmIdentifier. */
  readonly der: Uint8Array;
}

const ecdsa256: SignatureAlgorithm = { digest: 'sha256', der: sequence(objectId(oids.ecdsaWithSha256)) };
const ecdsa384: SignatureAlgorithm = { digest: 'sha384', der: sequence(objectId(oids.ecdsaWithSha384)) };
const rsa256: SignatureAlgorithm = { digest: 'sha256', der: sequence(objectId(oids.sha256WithRsa), nullValue) };

/** How a key of a kind signs; a kind that we don't sign with is an error. */
export function signatureAlgorithm(key: KeyObject): SignatureAlgorithm {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return ecdsa256;
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'secp384r1') return ecdsa384;
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048) return rsa256;
  throw new MeshError('bad-argument', 'the signing key must be ECDSA on P-256 or P-384, or RSA of 2048 bits or more');
}

function certificate(fields: readonly Uint8Array[], key: KeyObject, algorithm: SignatureAlgorithm): Buffer {
  const toBeSigned = sequence(...fields);
  return sequence(toBeSigned, algorithm.der, bitString(sign(algorithm.digest, toBeSigned, key)));
}

function validity(template: { readonly notBefore: number; readonly notAfter: number }): Buffer {
  return sequence(time(template.notBefore), time(template.notAfter));
}

function attribute(oid: string, value: string): Buffer {
  return set(sequence(objectId(oid), utf8String(value)));
}

function extension(oid: string, value: Uint8Array, critical?: 'critical'): Buffer {
  const wrapped = octetString(value);
  return critical === undefined ? sequence(objectId(oid), wrapped) : sequence(objectId(oid), booleanTrue, wrapped);
}

function generalNames(names: LeafNames): readonly Buffer[] {
  switch (names.kind) {
    case 'workload':
      return [implicit(6, Buffer.from(spiffeId(names.identity)))];
    case 'server':
      return [
        ...names.dnsNames.map((name) => implicit(2, Buffer.from(name))),
        ...names.ipAddresses.map((address) => implicit(7, ipBytes(address))),
      ];
    default:
      return assertNever(names);
  }
}
