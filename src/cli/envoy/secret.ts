import type { X509Certificate } from 'node:crypto';
import { isRecord } from '../../lib/is-record.ts';
import { type CertificateText, certificatesIn, certificateText } from './certificates.ts';
import { section } from './config-dump.ts';
import { at, list, text } from './json.ts';
import type { View } from './view.ts';

interface Row {
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly certificate: CertificateText | Count | undefined;
  readonly trustDomain: string;
}

/** What is said of a bundle of more certificates than a person reads one by one. */
interface Count {
  readonly total: number;
  readonly valid: number;
}

/** Roots of one's own are one or two, and more while they are renewed; those that everybody trusts, `file-root:system`, are over a hundred. */
const few = 8;

/** One certificate of a secret, and for whom it is a root, if the secret says so. */
interface Held {
  readonly certificate: X509Certificate;
  readonly trustDomain: string;
}

interface Column {
  readonly header: string;
  readonly cell: (certificate: CertificateText) => string;
}

const serial: Column = { header: 'SERIAL NUMBER', cell: ({ serialNumber }) => serialNumber };
const notAfter: Column = { header: 'NOT AFTER', cell: (certificate) => certificate.notAfter };
const notBefore: Column = { header: 'NOT BEFORE', cell: (certificate) => certificate.notBefore };
const subject: Column = { header: 'SUBJECT', cell: (certificate) => certificate.subject || '-' };
const names: Column = { header: 'ALTERNATIVE NAMES', cell: (certificate) => certificate.names.join(', ') || '-' };
const issuer: Column = { header: 'ISSUER', cell: (certificate) => certificate.issuer || '-' };

/**
 * One row a certificate, `now` deciding which are valid; a secret that has not arrived is one row too (behaviour.md 8.2), and so is
 * a bundle of very many.
 */
export function secretView(dump: unknown, now: number): View {
  return view(dump, now, [serial, notAfter, notBefore]);
}

/** The same rows with what a person looks for in a certificate: whom it names, who signed it, and when it holds. */
export function wideSecretView(dump: unknown, now: number): View {
  return view(dump, now, [subject, names, issuer, notBefore, notAfter]);
}

/**
 * The secrets as Envoy shows them, each with its certificates decoded beside it, because base64 tells a person nothing; of
 * very many, their count.
 */
export function decodedSecrets(dump: unknown, now: number): unknown {
  const decoded = (entry: unknown): unknown => {
    if (!isRecord(entry)) return entry;
    const certificates = heldBy(at(entry, 'secret')).map(({ certificate, trustDomain }) => ({
      ...certificateText(certificate, now),
      ...(trustDomain === '' ? {} : { trustDomain }),
    }));
    if (certificates.length === 0) return entry;
    return certificates.length > few
      ? { ...entry, certificate_count: count(certificates) }
      : { ...entry, certificates };
  };
  const secrets = section(dump, 'SecretsConfigDump');
  if (!isRecord(secrets)) return secrets;
  const fields = Object.entries(secrets);
  return Object.fromEntries(fields.map(([key, value]) => [key, Array.isArray(value) ? value.map(decoded) : value]));
}

function view(dump: unknown, now: number, columns: readonly Column[]): View {
  const secrets = section(dump, 'SecretsConfigDump');
  const rows = [
    ...list(secrets, 'dynamic_active_secrets').flatMap((each) => rowsOf(each, 'ACTIVE', now)),
    ...list(secrets, 'static_secrets').flatMap((each) => rowsOf(each, 'ACTIVE', now)),
    ...list(secrets, 'dynamic_warming_secrets').flatMap((each) => rowsOf(each, 'WARMING', now)),
  ];
  const withDomain = rows.some((row) => row.trustDomain !== '');
  const headers = ['RESOURCE NAME', 'TYPE', 'STATUS', 'VALID CERT', ...columns.map(({ header }) => header)];
  return {
    headers: withDomain ? [...headers, 'TRUST DOMAIN'] : headers,
    rows: rows.map((row) => cells(row, columns)),
  };
}

function cells({ name, type, status, certificate, trustDomain }: Row, columns: readonly Column[]): readonly string[] {
  if (certificate === undefined) {
    return [name, type, status, type === 'Generic' ? '-' : 'false', ...columns.map(() => '-'), trustDomain];
  }
  if ('total' in certificate) {
    const { total, valid } = certificate;
    const shown = valid === total ? 'true' : valid === 0 ? 'false' : `${valid} of ${total}`;
    const words = columns.map((_, index) => (index === 0 ? `${total} certificates` : '-'));
    return [name, type, status, shown, ...words, trustDomain];
  }
  return [name, type, status, String(certificate.valid), ...columns.map(({ cell }) => cell(certificate)), trustDomain];
}

function count(certificates: readonly CertificateText[]): Count {
  return { total: certificates.length, valid: certificates.filter(({ valid }) => valid).length };
}

function rowsOf(entry: unknown, status: string, now: number): readonly Row[] {
  const name = text(entry, 'name') || text(entry, 'secret', 'name');
  const secret = at(entry, 'secret');
  const type = secretType(secret);
  const held = heldBy(secret);
  // A chain is one credential: its leaf decides. Of roots, each may be the one that counts.
  const shown = type === 'Cert Chain' ? held.slice(0, 1) : held;
  if (shown.length === 0) return [{ name, type, status, certificate: undefined, trustDomain: '' }];
  const rows = shown.map(({ certificate, trustDomain }) => {
    return { name, type, status, certificate: certificateText(certificate, now), trustDomain };
  });
  return [...Map.groupBy(rows, ({ trustDomain }) => trustDomain)].flatMap(([trustDomain, each]): readonly Row[] => {
    if (each.length <= few) return each;
    return [{ name, type, status, certificate: count(each.map(({ certificate }) => certificate)), trustDomain }];
  });
}

/** A secret that didn't arrive has no content to tell its type by. */
function secretType(secret: unknown): string {
  if (at(secret, 'generic_secret') !== undefined) return 'Generic';
  if (at(secret, 'validation_context') !== undefined) return 'CA';
  return at(secret, 'tls_certificate') === undefined ? '-' : 'Cert Chain';
}

function heldBy(secret: unknown): readonly Held[] {
  const domains = list(secret, 'validation_context', 'custom_validator_config', 'typed_config', 'trust_domains');
  if (domains.length > 0) {
    return domains.flatMap((domain) =>
      certificatesIn(at(domain, 'trust_bundle')).map((certificate) => {
        return { certificate, trustDomain: text(domain, 'name') };
      }),
    );
  }
  const chain = at(secret, 'tls_certificate', 'certificate_chain');
  const source = chain ?? at(secret, 'validation_context', 'trusted_ca');
  return certificatesIn(source).map((certificate) => ({ certificate, trustDomain: '' }));
}
