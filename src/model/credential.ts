import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { Redacted } from '../lib/redacted.ts';
import { err, ok, type Result } from '../lib/result.ts';
import { isDerSequence, pemBlocks, pemBytes } from './pem.ts';
import type { CredentialEntry, Secret } from './secret.ts';
import { authoritiesTwin, type SecretSource } from './secret-source.ts';

/** What is wrong with a Secret as a credential: words of a finding, which show no value. */
export interface CredentialProblem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** A certificate with its key, as Envoy takes them: only what was read is passed on. */
export interface CredentialKeyPair {
  /** PEM: the server's own certificate first, then what signed it. */
  readonly chain: string;
  /** PKCS#8 PEM. */
  readonly privateKey: Redacted<string>;
  /** By it clients choose where a server has several. */
  readonly keyType: 'RSA' | 'ECDSA' | 'Ed25519';
  /** Of the server's own certificate, ms since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What clients' certificates are checked with. */
export interface CredentialAuthorities {
  /** PEM. */
  readonly certificates: string;
  /** PEM of revoked certificates; '' for none. */
  readonly revoked: string;
}

const keyPairs = new WeakMap<Secret, Result<CredentialKeyPair, CredentialProblem>>();
const authorities = new WeakMap<Secret, Result<CredentialAuthorities, CredentialProblem>>();

/** The certificate and key of a Secret; `cert` and `key` go before `tls.crt` and `tls.key` (behaviour.md 5.5). */
export function keyPairOf(secret: Secret): Result<CredentialKeyPair, CredentialProblem> {
  const known = keyPairs.get(secret) ?? readKeyPair(secret);
  keyPairs.set(secret, known);
  return known;
}

/** The authorities of a Secret and its list of revoked certificates; `cacert` goes before `ca.crt` (behaviour.md 5.5). */
export function authoritiesOf(secret: Secret): Result<CredentialAuthorities, CredentialProblem> {
  const known = authorities.get(secret) ?? readAuthorities(secret);
  authorities.set(secret, known);
  return known;
}

/** Which Secret has a credential's authorities: the twin that is named for it, else the credential itself. */
export function authoritiesSecret(find: FindSecret, credential: string): Secret | undefined {
  return find(authoritiesTwin(credential)) ?? find(credential);
}

/** The Secrets that a proxy may be sent, by name: those of its own namespace. */
export type FindSecret = (name: string) => Secret | undefined;

/**
 * The Secret that a source is read from, as it is now. A source whose resource was made from this same Secret needs no other
 * resource. `files`: from none.
 */
export function secretBehind(source: SecretSource, find: FindSecret): Secret | 'files' | undefined {
  switch (source.kind) {
    case 'key-pair':
      return find(source.credential);
    case 'authorities':
      return authoritiesSecret(find, source.credential);
    case 'key-pair-files':
    case 'authorities-file':
      return 'files';
  }
}

/** The Secrets of one namespace. */
export interface NamespaceSecrets {
  readonly namespace: string;
  readonly find: FindSecret;
}

/** Why a source can't be used: there is no Secret, or nothing in it that fits. Files are Envoy's to read. */
export function sourceProblem(
  source: SecretSource,
  { namespace, find }: NamespaceSecrets,
): CredentialProblem | undefined {
  const behind = secretBehind(source, find);
  if (behind === 'files' || !('credential' in source)) return undefined;
  if (behind === undefined) {
    const hint = 'make it in the namespace of the gateway, of type kubernetes.io/tls or Opaque';
    return problem('credential-missing', `there is no Secret ${namespace}/${source.credential}`, hint);
  }
  const read: Result<unknown, CredentialProblem> =
    source.kind === 'key-pair' ? keyPairOf(behind) : authoritiesOf(behind);
  if (read.ok) return undefined;
  const { code, message, hint } = read.error;
  return problem(code, `Secret ${namespace}/${behind.meta.name}: ${message}`, hint);
}

/** What is wrong with the time of a certificate: it is sent all the same, as clients say best what that means to them. */
export function validityProblem(
  { notBefore, notAfter }: Pick<CredentialKeyPair, 'notBefore' | 'notAfter'>,
  now: number,
): CredentialProblem | undefined {
  const at = (time: number): string => new Date(time).toISOString();
  if (now > notAfter)
    return problem('credential-expired', `its certificate expired at ${at(notAfter)}`, 'renew it: clients refuse it');
  if (now < notBefore)
    return problem('credential-expired', `its certificate is valid from ${at(notBefore)} only`, 'clients refuse it');
  return undefined;
}

function readKeyPair(secret: Secret): Result<CredentialKeyPair, CredentialProblem> {
  const pairs = [
    ['cert', 'key'],
    ['tls.crt', 'tls.key'],
  ] as const;
  const has = (name: CredentialEntry): boolean => secret.entries.has(name);
  const pair =
    pairs.find(([certificate, key]) => has(certificate) && has(key)) ??
    pairs.find(([certificate, key]) => has(certificate) || has(key));
  if (pair === undefined)
    return err(problem('credential-missing', 'has neither tls.crt and tls.key, nor cert and key', 'add both'));
  const [certificateEntry, keyEntry] = pair;
  const certificateText = textOf(secret, certificateEntry);
  if (!certificateText.ok) return certificateText;
  const keyText = textOf(secret, keyEntry);
  if (!keyText.ok) return keyText;
  const certificates = readCertificates(certificateText.value, certificateEntry);
  if (!certificates.ok) return certificates;
  const key = readKey(keyText.value, keyEntry);
  if (!key.ok) return key;
  const [own] = certificates.value.parsed;
  if (own === undefined || !fits(own, key.value.key)) {
    const message = `the key in ${keyEntry} is not that of the first certificate in ${certificateEntry}`;
    return err(
      problem('credential-mismatch', message, "the server's own certificate stands first, then what signed it"),
    );
  }
  return ok({
    chain: certificates.value.text,
    privateKey: new Redacted(String(key.value.key.export({ type: 'pkcs8', format: 'pem' }))),
    keyType: key.value.type,
    notBefore: own.validFromDate.getTime(),
    notAfter: own.validToDate.getTime(),
  });
}

function readAuthorities(secret: Secret): Result<CredentialAuthorities, CredentialProblem> {
  const generic = secret.entries.has('cacert');
  const [entry, listEntry]: readonly [CredentialEntry, CredentialEntry] = generic
    ? ['cacert', 'crl']
    : ['ca.crt', 'ca.crl'];
  const text = textOf(secret, entry);
  if (!text.ok) {
    if (generic || secret.entries.has(entry)) return text;
    return err(problem('credential-missing', 'has neither ca.crt nor cacert', "add what signs clients' certificates"));
  }
  const certificates = readCertificates(text.value, entry);
  if (!certificates.ok) return certificates;
  if (!secret.entries.has(listEntry)) return ok({ certificates: certificates.value.text, revoked: '' });
  // An empty list would let revoked certificates pass that somebody meant to stop.
  const list = textOf(secret, listEntry);
  if (!list.ok) return list;
  const lists = pemBlocks(list.value, 'X509 CRL');
  if (lists.length === 0 || !lists.every((block) => isDerSequence(pemBytes(block))))
    return err(unreadable(listEntry, 'list of revoked certificates', 'X509 CRL'));
  return ok({ certificates: certificates.value.text, revoked: lists.join('') });
}

function textOf(secret: Secret, entry: CredentialEntry): Result<string, CredentialProblem> {
  const bytes = secret.entries.get(entry)?.reveal();
  if (bytes === undefined) return err(problem('credential-missing', `has no ${entry}`, 'add it'));
  if (bytes.length === 0) return err(problem('credential-empty', `its ${entry} is empty`, 'write a PEM text'));
  return ok(Buffer.from(bytes).toString('latin1'));
}

function readCertificates(
  text: string,
  entry: CredentialEntry,
): Result<{ readonly text: string; readonly parsed: readonly X509Certificate[] }, CredentialProblem> {
  const blocks = pemBlocks(text, 'CERTIFICATE');
  try {
    const parsed = blocks.map((block) => new X509Certificate(block));
    if (parsed.length > 0) return ok({ text: blocks.join(''), parsed });
  } catch {
    // Said below: what the library says of it names no entry.
  }
  return err(unreadable(entry, 'certificate', 'CERTIFICATE'));
}

function readKey(
  text: string,
  entry: CredentialEntry,
): Result<{ readonly key: KeyObject; readonly type: CredentialKeyPair['keyType'] }, CredentialProblem> {
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    if (/ENCRYPTED/.test(text))
      return err(problem('credential-unreadable', `its ${entry} is protected by a password`, 'store it without one'));
    return err(unreadable(entry, 'private key', 'PRIVATE KEY'));
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048)
    return ok({ key, type: 'RSA' });
  if (asymmetricKeyType === 'ec' && curves.includes(asymmetricKeyDetails?.namedCurve ?? ''))
    return ok({ key, type: 'ECDSA' });
  if (asymmetricKeyType === 'ed25519') return ok({ key, type: 'Ed25519' });
  const hint = 'use RSA of 2048 bits or more, or ECDSA with P-256, P-384 or P-521';
  return err(problem('credential-key-type', `Envoy takes no key of the type in ${entry}`, hint));
}

/** By the names of OpenSSL. */
const curves: readonly string[] = ['prime256v1', 'secp384r1', 'secp521r1'];

function fits(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    return false;
  }
}

const unreadable = (entry: CredentialEntry, what: string, label: string): CredentialProblem =>
  problem(
    'credential-unreadable',
    `its ${entry} holds no ${what} that can be read`,
    `write PEM: it begins with -----BEGIN ${label}-----`,
  );

function problem(code: string, message: string, hint: string): CredentialProblem {
  return { code, message, hint };
}
