import type {
  CertificateFiles,
  ClientAuthorities,
  CredentialRef,
  ServerCertificate,
  ServerTls,
} from '../../model/server-tls.ts';
import { readClientRules } from './client-rules.ts';
import { readCredential, readCredentials } from './credential-name.ts';
import type { Field, Fields } from './field.ts';
import { unusedBySimple, warnOfRules, warnOfUnchecked, warnOfUndecrypted } from './server-tls-advice.ts';
import { readTlsLimits } from './tls-limits.ts';

const modes = ['PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'] as const;

const tlsFields = [
  'httpsRedirect',
  'mode',
  'serverCertificate',
  'privateKey',
  'caCertificates',
  'caCrl',
  'tlsCertificates',
  'credentialName',
  'credentialNames',
  'caCertCredentialName',
  'subjectAltNames',
  'verifyCertificateSpki',
  'verifyCertificateHash',
  'minProtocolVersion',
  'maxProtocolVersion',
  'cipherSuites',
  'ecdhCurves',
  'alpnProtocols',
  'insecureSkipVerify',
];

/** Fields that say which certificate a server shows, or what clients' ones are checked with. */
const certificateFields = [
  'credentialName',
  'credentialNames',
  'serverCertificate',
  'privateKey',
  'tlsCertificates',
  'caCertificates',
  'caCertCredentialName',
  'caCrl',
];

/** What stands in a `tls` block of a server. */
export interface ReadServerTls {
  /** Undefined where it can't be read; that was reported. */
  readonly tls: ServerTls | undefined;
  readonly httpsRedirect: boolean;
  /** Something was written that plaintext has no use for. */
  readonly settings: boolean;
}

/** Reads a `tls` block as gateways and sidecar ingress listeners have it (behaviour.md 5.1). */
export function readServerTls(field: Field): ReadServerTls {
  field.refuseNull('an object');
  const fields = field.fields(tlsFields, {
    certificate: 'did you mean "serverCertificate"?',
    sni: 'the hosts of the server are its server names',
  });
  if (fields === undefined) return { tls: undefined, httpsRedirect: false, settings: false };
  for (const name of tlsFields) fields.get(name).refuseNull('a value');
  const { value, clean } = field.report.attempt(() => readMode(fields));
  return {
    tls: clean ? value : undefined,
    httpsRedirect: fields.get('httpsRedirect').boolean() ?? false,
    settings: tlsFields.some(
      (name) => name !== 'httpsRedirect' && fields.get(name).present && fields.get(name).value !== 'PASSTHROUGH',
    ),
  };
}

function readMode(fields: Fields): ServerTls | undefined {
  const modeField = fields.get('mode');
  const mode = modeField.oneOf(modes) ?? (modeField.present ? undefined : 'PASSTHROUGH');
  warnOfUnchecked(fields);
  const limits = readTlsLimits(fields);
  const clients = readClientRules(fields);
  const named = certificateFields.filter((name) => fields.get(name).present);
  switch (mode) {
    case undefined:
      return undefined;
    case 'PASSTHROUGH':
    case 'AUTO_PASSTHROUGH':
      warnOfUndecrypted(fields, named);
      return { mode };
    case 'ISTIO_MUTUAL':
      for (const name of named) {
        fields
          .get(name)
          .error('tls-conflict', `${name} can not be used with ISTIO_MUTUAL: the mesh's certificates are`, 'remove it');
      }
      return { mode, limits, clients };
    case 'SIMPLE': {
      unusedBySimple(fields);
      const certificate = readCertificate(fields, mode);
      return certificate === undefined ? undefined : { mode, certificate, limits };
    }
    case 'MUTUAL':
    case 'OPTIONAL_MUTUAL': {
      const certificate = readCertificate(fields, mode);
      const authorities = certificate === undefined ? undefined : readAuthorities(fields, certificate, mode);
      if (mode === 'OPTIONAL_MUTUAL') warnOfRules(fields);
      if (certificate === undefined || authorities === undefined) return undefined;
      return { mode, certificate, authorities, clients, limits };
    }
  }
}

function readCertificate(fields: Fields, mode: string): ServerCertificate | undefined {
  const sources = ['credentialName', 'credentialNames', 'serverCertificate', 'tlsCertificates'].filter(
    (name) => fields.get(name).present || (name === 'serverCertificate' && fields.get('privateKey').present),
  );
  const [source, second] = sources;
  if (second !== undefined) {
    return fields
      .get(second)
      .error('tls-conflict', `only one of ${sources.join(', ')} can be given`, 'keep the one that is meant');
  }
  switch (source) {
    case 'credentialName': {
      const name = readCredential(fields.get('credentialName'));
      return name === undefined ? undefined : { kind: 'credentials', names: [name] };
    }
    case 'credentialNames': {
      const names = readCredentials(fields.get('credentialNames'));
      return names === undefined ? undefined : { kind: 'credentials', names };
    }
    case 'tlsCertificates':
      return readCertificateList(fields.get('tlsCertificates'));
    case 'serverCertificate': {
      const files = readFiles((name) => fields.get(name), mode);
      return files === undefined ? undefined : { kind: 'files', files: [files] };
    }
    default:
      return fields
        .get('credentialName')
        .error(
          'missing-field',
          `${mode} needs a server certificate`,
          'name a Secret in credentialName, or files in serverCertificate and privateKey',
        );
  }
}

function readCertificateList(field: Field): ServerCertificate | undefined {
  const items = field.items();
  if (items === undefined) return undefined;
  if (items.length === 0) return field.error('missing-field', 'must name at least one certificate');
  if (items.length > 2) {
    field.warning(
      'too-many',
      `names ${items.length} certificates: clients tell two apart at most, one with RSA and one with ECDSA`,
      'keep two at most',
    );
  }
  const files = items.map((item) => {
    const each = item.fields(['serverCertificate', 'privateKey', 'caCertificates']);
    if (each?.get('caCertificates').present === true) {
      each
        .get('caCertificates')
        .warning(
          'tls-not-used',
          'has no effect: all certificates share one list of authorities',
          'put it right under "tls"',
        );
    }
    return each === undefined ? undefined : readFiles((name) => each.get(name), 'each certificate');
  });
  const whole = files.filter((each) => each !== undefined);
  return whole.length === files.length ? { kind: 'files', files: whole } : undefined;
}

function readFiles(get: (name: string) => Field, who: string): CertificateFiles | undefined {
  const [certificate, privateKey] = ['serverCertificate', 'privateKey'].map((name) => {
    const field = get(name);
    if (field.written) return field.text();
    return field.error('missing-field', `${who} needs ${name}`, 'add the path of the file');
  });
  return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey };
}

function readAuthorities(fields: Fields, certificate: ServerCertificate, mode: string): ClientAuthorities | undefined {
  if (certificate.kind === 'files') {
    const field = fields.get('caCertificates');
    if (!field.written) {
      return field.error(
        'missing-field',
        `${mode} needs caCertificates: the authorities that sign clients' certificates`,
        'add the path of the file',
      );
    }
    const path = field.text();
    return path === undefined ? undefined : { kind: 'file', path, revoked: fields.get('caCrl').string() ?? '' };
  }
  if (fields.get('caCrl').present) {
    return fields
      .get('caCrl')
      .error('tls-conflict', 'caCrl can not be used with a credential', 'put the list into the Secret as ca.crl');
  }
  if (fields.get('caCertificates').present) {
    return fields
      .get('caCertificates')
      .error('tls-conflict', 'caCertificates can not be used with a credential', 'put them into the Secret as ca.crt');
  }
  const own = fields.get('caCertCredentialName');
  const [first] = certificate.names;
  const name: CredentialRef | undefined = own.present ? readCredential(own) : first;
  return name === undefined ? undefined : { kind: 'credential', name };
}
