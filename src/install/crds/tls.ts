import { atMostOne, choice, flag, list, object, rule, rules, type Schema, text, texts } from './schema.ts';

const version = (description: string): Schema =>
  choice(description, ['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3']);

const certificateFields = {
  serverCertificate: text('File of the server certificate.'),
  privateKey: text('File of its private key.'),
  caCertificates: text('File of the authorities that client certificates are checked with.'),
};

/** Three rules for six fields: one rule over all of them would cost more than the API server allows in a long list. */
const meshCertificatesOnly = [
  ['credentialName', 'credentialNames'],
  ['serverCertificate', 'privateKey'],
  ['caCertificates', 'tlsCertificates'],
].map((names) =>
  rule(
    `mode ISTIO_MUTUAL uses the certificates of the mesh: remove ${names.join(' and ')}`,
    `!has(self.mode) || self.mode != 'ISTIO_MUTUAL' || !(${names.map((name) => `has(self.${name})`).join(' || ')})`,
  ),
);

/** TLS of a server: of a Gateway, or of an ingress listener of a Sidecar (behaviour.md 5.1). */
export const serverTls = object(
  'TLS of the server.',
  {
    httpsRedirect: flag('Answer plain HTTP with a redirect to HTTPS.'),
    mode: choice('What is done with TLS; PASSTHROUGH is the default.', [
      'PASSTHROUGH',
      'SIMPLE',
      'MUTUAL',
      'AUTO_PASSTHROUGH',
      'ISTIO_MUTUAL',
      'OPTIONAL_MUTUAL',
    ]),
    ...certificateFields,
    caCrl: text('File of the certificates that were revoked.'),
    credentialName: text('Name of the Secret that holds certificate and key.'),
    credentialNames: texts('Names of such Secrets, one for each kind of key.', { minItems: 1, maxItems: 2 }),
    caCertCredentialName: text('Name of the Secret that holds the authorities for client certificates.'),
    tlsCertificates: list(
      'Certificates in files, one for each kind of key.',
      object('One certificate.', certificateFields),
      {
        minItems: 1,
        maxItems: 2,
      },
    ),
    subjectAltNames: texts('Names of which a client certificate must hold one.'),
    verifyCertificateSpki: texts('Hashes (base64, SHA-256) of public keys that a client may have.'),
    verifyCertificateHash: texts('Hashes (hex, SHA-256) of certificates that a client may have.'),
    minProtocolVersion: version('Oldest version of TLS.'),
    maxProtocolVersion: version('Newest version of TLS.'),
    cipherSuites: texts('Cipher suites that may be used.'),
    ecdhCurves: texts('Curves that may be used, the preferred one first.'),
    alpnProtocols: texts('Protocols that are offered by ALPN.'),
    insecureSkipVerify: flag('Do not check the peer certificate.', { nullable: true }),
  },
  rules(
    atMostOne('credentialName', 'credentialNames', 'serverCertificate', 'tlsCertificates'),
    ...meshCertificatesOnly,
  ),
);

/** TLS of a client in a long list, where more rules would cost more than the API server allows. */
export const listedClientTls = object(
  'TLS to the destination.',
  {
    mode: choice(
      'DISABLE: plaintext. SIMPLE: TLS. MUTUAL: with a client certificate. ISTIO_MUTUAL: with that of the mesh.',
      ['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'],
    ),
    clientCertificate: text('File of the client certificate.'),
    privateKey: text('File of its private key.'),
    caCertificates: text('File of the authorities that the server certificate is checked with.'),
    caCrl: text('File of the certificates that were revoked.'),
    credentialName: text('Name of the Secret that holds client certificate and key.'),
    caCertCredentialName: text('Name of the Secret that holds the authorities for the server certificate.'),
    subjectAltNames: texts('Names of which the server certificate must hold one.'),
    sni: text('Name that is sent to the server in the handshake.', { maxLength: 253 }),
    insecureSkipVerify: flag('Do not check the server certificate.', { nullable: true }),
  },
  rules(
    rule(
      'mode MUTUAL needs clientCertificate and privateKey, or credentialName',
      "!has(self.mode) || self.mode != 'MUTUAL' || has(self.credentialName) || (has(self.clientCertificate) && has(self.privateKey))",
    ),
    rule(
      'credentialName can not be combined with certificate files',
      '!has(self.credentialName) || !(has(self.clientCertificate) || has(self.privateKey) || has(self.caCertificates))',
    ),
  ),
);

/** TLS of a client, as a DestinationRule sets it (behaviour.md 4.4). */
export const clientTls: Schema = {
  ...listedClientTls,
  ...rules(
    ...(listedClientTls['x-kubernetes-validations'] ?? []),
    rule(
      'credentialName can not be combined with caCrl: the Secret has it',
      '!(has(self.credentialName) && has(self.caCrl))',
    ),
    rule(
      'only mode MUTUAL shows a certificate of its own',
      "!(has(self.clientCertificate) || has(self.privateKey)) || (has(self.mode) && self.mode == 'MUTUAL')",
    ),
    rule(
      'only modes SIMPLE and MUTUAL name certificates',
      "!(has(self.caCertificates) || has(self.caCrl) || has(self.credentialName) || has(self.caCertCredentialName)) || (has(self.mode) && self.mode in ['SIMPLE', 'MUTUAL'])",
    ),
    rule(
      'insecureSkipVerify checks nothing: remove what would be checked',
      '!has(self.insecureSkipVerify) || !self.insecureSkipVerify || !(has(self.caCertificates) || has(self.caCrl) || has(self.caCertCredentialName) || has(self.subjectAltNames))',
    ),
  ),
};
