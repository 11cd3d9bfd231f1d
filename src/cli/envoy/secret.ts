import { X509Certificate } from 'node:crypto';
import { section } from './config-dump.ts';
import { at, list, text } from './json.ts';
import type { View } from './view.ts';

interface Row {
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly certificate: X509Certificate | undefined;
  readonly trustDomain: string;
}

/** One row a certificate, `now` deciding which are valid; a secret that has not arrived is one row too (behaviour.md 8.2). */
export function secretView(dump: unknown, now: number): View {
  const secrets = section(dump, 'SecretsConfigDump');
  const rows = [
    ...list(secrets, 'dynamic_active_secrets').flatMap((each) => rowsOf(each, 'ACTIVE')),
    ...list(secrets, 'static_secrets').flatMap((each) => rowsOf(each, 'ACTIVE')),
    ...list(secrets, 'dynamic_warming_secrets').flatMap((each) => rowsOf(each, 'WARMING')),
  ];
  const withDomain = rows.some((row) => row.trustDomain !== '');
  const headers = ['RESOURCE NAME', 'TYPE', 'STATUS', 'VALID CERT', 'SERIAL NUMBER', 'NOT AFTER', 'NOT BEFORE'];
  return {
    headers: withDomain ? [...headers, 'TRUST DOMAIN'] : headers,
    rows: rows.map((row) => cells(row, now)),
  };
}

function cells({ name, type, status, certificate, trustDomain }: Row, now: number): readonly string[] {
  if (certificate === undefined) {
    return [name, type, status, type === 'Generic' ? '-' : 'false', '-', '-', '-', trustDomain];
  }
  const { validFromDate: from, validToDate: to } = certificate;
  const valid = from.getTime() <= now && now < to.getTime();
  return [
    name,
    type,
    status,
    String(valid),
    certificate.serialNumber.toLowerCase(),
    instant(to),
    instant(from),
    trustDomain,
  ];
}

function instant(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}

function rowsOf(entry: unknown, status: string): readonly Row[] {
  const name = text(entry, 'name') || text(entry, 'secret', 'name');
  const secret = at(entry, 'secret');
  const chain = at(secret, 'tls_certificate', 'certificate_chain');
  const roots = at(secret, 'validation_context', 'trusted_ca');
  const domains = list(secret, 'validation_context', 'custom_validator_config', 'typed_config', 'trust_domains');
  if (domains.length > 0) {
    return domains.flatMap((domain) =>
      certificates(at(domain, 'trust_bundle')).map((certificate) => ({
        name,
        type: 'CA',
        status,
        certificate,
        trustDomain: text(domain, 'name'),
      })),
    );
  }
  const type = roots === undefined ? 'Cert Chain' : 'CA';
  const found = certificates(chain ?? roots);
  // A chain is one credential: its leaf decides. Of roots, each may be the one that counts.
  const shown = type === 'Cert Chain' ? found.slice(0, 1) : found;
  if (shown.length === 0) return [{ name, type: secretType(secret), status, certificate: undefined, trustDomain: '' }];
  return shown.map((certificate) => ({ name, type, status, certificate, trustDomain: '' }));
}

/** A secret that didn't arrive has no content to tell its type by. */
function secretType(secret: unknown): string {
  if (at(secret, 'generic_secret') !== undefined) return 'Generic';
  if (at(secret, 'validation_context') !== undefined) return 'CA';
  return at(secret, 'tls_certificate') === undefined ? '-' : 'Cert Chain';
}

function certificates(source: unknown): readonly X509Certificate[] {
  const pem = Buffer.from(text(source, 'inline_bytes'), 'base64').toString('latin1') || text(source, 'inline_string');
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch (thrown) {
      // A block that is no certificate is shown as one that isn't valid, by its absence; anything else is a bug.
      if (thrown instanceof Error) return [];
      throw thrown;
    }
  });
}
