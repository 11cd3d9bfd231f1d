import type { TlsLimits, TlsVersion } from '../../model/server-tls.ts';
import type { Field, Fields } from './field.ts';
import { hintFor } from './suggest.ts';

const versions: readonly TlsVersion[] = ['TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'];
const written = ['TLS_AUTO', ...versions] as const;

/** What Envoy's TLS library knows. */
const knownSuites: readonly string[] = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA',
  'AES256-SHA',
];

/** Likewise. */
const knownCurves: readonly string[] = ['X25519MLKEM768', 'X25519', 'P-256', 'P-384', 'P-521'];

/** Reads the versions and cipher suites that a TLS server agrees to (behaviour.md 5.1). */
export function readTlsLimits(fields: Fields): TlsLimits {
  const minimum = readVersion(fields.get('minProtocolVersion'));
  const maximum = readVersion(fields.get('maxProtocolVersion'));
  if (minimum !== undefined && maximum !== undefined && versions.indexOf(minimum) > versions.indexOf(maximum)) {
    fields
      .get('maxProtocolVersion')
      .error('tls-versions', `${maximum} is older than minProtocolVersion ${minimum}: nobody could connect`);
  }
  const cipherSuites = readKnown(fields.get('cipherSuites'), 'cipher-suite', knownSuites);
  const curves = readKnown(fields.get('ecdhCurves'), 'ecdh-curve', knownCurves);
  const alpn = readAlpn(fields.get('alpnProtocols'));
  if ((minimum === 'TLSV1_0' || minimum === 'TLSV1_1') && cipherSuites.length === 0) {
    fields
      .get('minProtocolVersion')
      .warning(
        'tls-old-version',
        `with ${minimum} alone clients of that version still find no cipher suite in common`,
        'name suites for them in cipherSuites, like ECDHE-RSA-AES128-SHA, or ask for TLSV1_2',
      );
  }
  return { minimum, maximum, cipherSuites, curves, alpn };
}

function readVersion(field: Field): TlsVersion | undefined {
  const version = field.oneOf(written);
  return version === 'TLS_AUTO' ? undefined : version;
}

/** Names out of a list that Envoy knows: of an unknown one it would refuse the whole listener. */
function readKnown(field: Field, code: string, known: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const item of field.items() ?? []) {
    const text = item.string();
    if (text === undefined) {
      if (!item.present) item.error('wrong-type', 'must be a string');
    } else if (!known.includes(text)) {
      item.warning(code, `${JSON.stringify(text)} is none that is used here, and left out`, hintFor(text, known));
    } else if (found.has(text)) {
      item.warning(code, `${text} stands there twice`);
    } else found.add(text);
  }
  if (field.present && found.size === 0)
    field.error(code, 'names none that Envoy knows: it would choose for itself', 'name one, or remove it');
  return [...found];
}

function readAlpn(field: Field): readonly string[] {
  return (field.items() ?? []).flatMap((item) => {
    if (!item.present) item.error('wrong-type', 'must be a string');
    const text = item.text();
    if (text === undefined) return [];
    if (Buffer.byteLength(text) <= 255) return [text];
    return item.error('out-of-range', 'a protocol name has at most 255 bytes') ?? [];
  });
}
