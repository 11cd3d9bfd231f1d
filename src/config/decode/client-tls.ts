import type { ClientTlsSettings, OriginatedTls } from '../../model/traffic-policy.ts';
import type { Field, Fields } from './field.ts';
import { readTexts } from './texts.ts';

const modes = ['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'] as const;
const certificateFields = ['clientCertificate', 'privateKey', 'caCertificates', 'caCrl'] as const;
const tlsFields = [
  'mode',
  ...certificateFields,
  'credentialName',
  'caCertCredentialName',
  'subjectAltNames',
  'sni',
  'insecureSkipVerify',
];

/**
 * `tls` of a traffic policy (behaviour.md 4.4). Undefined: nothing is said. A block that can't be read is reported, and then the whole
 * rule is not applied: guessing a mode could send plaintext.
 */
export function readClientTls(field: Field): ClientTlsSettings | undefined {
  field.refuseNull('an object');
  const fields = field.fields(tlsFields);
  if (fields === undefined) return undefined;
  const written = fields.get('mode');
  written.refuseNull('a mode');
  const mode = written.oneOf(modes) ?? (written.written ? undefined : 'DISABLE');
  if (!written.written)
    field.warning(
      'tls-without-mode',
      'without a mode this switches TLS off',
      'write mode: DISABLE, or the mode that is meant',
    );
  switch (mode) {
    case undefined:
      return undefined;
    case 'DISABLE':
      refuse(fields, tlsFields.slice(1), 'mode DISABLE speaks no TLS');
      return { mode };
    case 'ISTIO_MUTUAL':
      refuse(
        fields,
        [...certificateFields, 'credentialName', 'caCertCredentialName', 'insecureSkipVerify'],
        'mode ISTIO_MUTUAL uses the certificates of the mesh',
      );
      return { mode, sni: readSni(fields.get('sni')), subjectAltNames: readTexts(fields.get('subjectAltNames')) };
    default:
      return readOriginated(field, fields, mode);
  }
}

function readOriginated(field: Field, fields: Fields, mode: OriginatedTls['mode']): OriginatedTls | undefined {
  const text = (name: string): string | undefined => fields.get(name).text();
  const [certificate, privateKey, ca] = [text('clientCertificate'), text('privateKey'), text('caCertificates')];
  const credential = text('credentialName');
  const caCredential = text('caCertCredentialName');
  if (credential !== undefined) refuse(fields, certificateFields, 'credentialName already says it');
  const skip = fields.get('insecureSkipVerify').boolean() ?? false;
  const names = readTexts(fields.get('subjectAltNames'));
  if (skip) {
    refuse(
      fields,
      ['caCertificates', 'caCrl', 'caCertCredentialName', 'subjectAltNames'],
      'insecureSkipVerify checks nothing',
    );
    fields
      .get('insecureSkipVerify')
      .warning(
        'unverified-server',
        'the server is not checked: anybody on the way can pose as it',
        'name its authorities instead',
      );
  }
  let own: OriginatedTls['certificate'];
  if (mode === 'MUTUAL') {
    if (credential !== undefined) own = { kind: 'credential', name: credential };
    else if (certificate !== undefined && privateKey !== undefined) own = { kind: 'files', certificate, privateKey };
    else {
      const missing = certificate === undefined ? 'clientCertificate' : 'privateKey';
      field.error(
        'missing-field',
        `mode MUTUAL needs ${missing}`,
        'write clientCertificate and privateKey, or credentialName',
      );
      return undefined;
    }
  } else refuse(fields, ['clientCertificate', 'privateKey'], 'mode SIMPLE shows no certificate');
  return {
    mode,
    certificate: own,
    authorities: authoritiesOf(skip, ca, caCredential ?? credential),
    revoked: text('caCrl') ?? '',
    subjectAltNames: names,
    sni: readSni(fields.get('sni')),
  };
}

function authoritiesOf(
  skip: boolean,
  path: string | undefined,
  credential: string | undefined,
): OriginatedTls['authorities'] {
  if (skip) return { kind: 'none' };
  if (credential !== undefined) return { kind: 'credential', name: credential };
  if (path === undefined || path === 'system') return { kind: 'system' };
  return { kind: 'file', path };
}

function refuse(fields: Fields, names: readonly string[], why: string): void {
  for (const name of names) {
    const field = fields.get(name);
    if (!field.present || field.value === false) continue;
    field.error('contradiction', `${name} has no place here: ${why}`, 'remove it, or change the mode');
  }
}

/** What is sent is a host name: no address, no port (RFC 6066 section 3). */
function readSni(field: Field): string {
  const text = field.text() ?? '';
  if (!/^[-_.A-Za-z0-9]*$/.test(text))
    field.error('bad-host', `${JSON.stringify(text)} is no server name`, 'write a host name');
  else if (text.length <= 253) return text;
  // Envoy refuses all that comes with a longer one.
  else field.error('too-long', 'a server name has at most 253 characters', 'write a host name');
  return '';
}
