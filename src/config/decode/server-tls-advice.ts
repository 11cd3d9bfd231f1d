import type { Fields } from './field.ts';

/** A server that checks nothing of its clients asks for nothing: that has a mode of its own. */
export function warnOfUnchecked(fields: Fields): void {
  if (fields.get('insecureSkipVerify').boolean() === true) {
    fields
      .get('insecureSkipVerify')
      .warning(
        'not-supported',
        "has no effect: clients' certificates are always checked",
        'to ask for none write mode: SIMPLE',
      );
  }
}

/** Certificates where the connection stays encrypted: the mode was most likely forgotten. */
export function warnOfUndecrypted(fields: Fields, named: readonly string[]): void {
  const [first] = named;
  if (first === undefined) return;
  const mode = fields.get('mode').string() ?? 'PASSTHROUGH, which it is where no mode is written,';
  fields
    .get(first)
    .warning(
      'tls-not-used',
      `has no effect with mode ${mode} as the connection is not decrypted here`,
      'to end TLS here write mode: SIMPLE, or MUTUAL to ask clients for certificates',
    );
}

/** Envoy looks for names and hashes in every client's certificate, so there must be one. */
export function warnOfRules(fields: Fields): void {
  for (const name of ['subjectAltNames', 'verifyCertificateSpki', 'verifyCertificateHash']) {
    if (!fields.get(name).present) continue;
    fields
      .get(name)
      .warning(
        'not-supported',
        'makes OPTIONAL_MUTUAL refuse clients without a certificate, as MUTUAL does',
        'say who may do what in an AuthorizationPolicy instead',
      );
  }
}

/** Names that ask something of clients' certificates, in a mode that asks for none: likely the mode is wrong. */
export function unusedBySimple(fields: Fields): void {
  if (fields.get('caCrl').present)
    fields
      .get('caCrl')
      .error('tls-conflict', 'caCrl can not be used with SIMPLE: clients show no certificate', 'write mode: MUTUAL');
  const asked = [
    'caCertificates',
    'caCertCredentialName',
    'subjectAltNames',
    'verifyCertificateSpki',
    'verifyCertificateHash',
  ];
  for (const name of asked) {
    if (!fields.get(name).present) continue;
    fields
      .get(name)
      .warning(
        'tls-not-used',
        'has no effect with mode SIMPLE: clients are not asked for a certificate',
        'to ask for one write mode: MUTUAL',
      );
  }
}
