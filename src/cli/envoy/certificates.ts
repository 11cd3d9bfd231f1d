import { X509Certificate } from 'node:crypto';
import { text } from './json.ts';

/** What a person wants to know of a certificate, as text. */
export interface CertificateText {
  readonly subject: string;
  /** Its alternative names, each with its kind: `URI:spiffe://…`, `DNS:shop.example.com`. */
  readonly names: readonly string[];
  readonly issuer: string;
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly valid: boolean;
}

/** The certificates in a DataSource of Envoy's, in their order; a block that is none is left out. */
export function certificatesIn(source: unknown): readonly X509Certificate[] {
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

/** Decodes a certificate; `now` decides whether it is valid. The serial number is in hexadecimal, as openssl prints it. */
export function certificateText(certificate: X509Certificate, now: number): CertificateText {
  const { validFromDate: from, validToDate: to } = certificate;
  return {
    subject: nameText(certificate.subject),
    names: alternativeNames(certificate.subjectAltName ?? ''),
    issuer: nameText(certificate.issuer),
    serialNumber: certificate.serialNumber.toLowerCase(),
    notBefore: instant(from),
    notAfter: instant(to),
    valid: from.getTime() <= now && now < to.getTime(),
  };
}

/** Node has one part a line, and nothing where a certificate names nobody, as those of workloads. */
function nameText(name: string | undefined): string {
  return (name ?? '').replaceAll('\n', ', ');
}

/** Node joins them by commas, and puts a name that has commas or quotes itself in quotes. */
function alternativeNames(joined: string): readonly string[] {
  const names = joined.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
  return names.map((name) => name.trim());
}

function instant(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}
