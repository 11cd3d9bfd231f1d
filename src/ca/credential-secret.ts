import { encode, type envoy } from '@envoyproxy/protos';
import { contentVersion } from '../lib/hash.ts';
import { authoritiesOf, keyPairOf } from '../model/credential.ts';
import type { Secret } from '../model/secret.ts';
import { type SecretSource, secretResourceName } from '../model/secret-source.ts';
import { LazyResource } from './secret-resource.ts';

type Message = envoy.extensions.transport_sockets.tls.v3.Secret;

/**
 * The SDS resource of a source (behaviour.md 5.5). Undefined where the Secret can't be used: the compiled listener then doesn't
 * name it. The key stands in the resource's bytes alone, which are made when they are first sent.
 */
export function credentialResource(source: SecretSource, behind: Secret | 'files'): LazyResource | undefined {
  const name = secretResourceName(source);
  if (behind === 'files') return fileResource(name, source);
  if (source.kind === 'key-pair') {
    const read = keyPairOf(behind);
    if (!read.ok) return undefined;
    const { chain, privateKey } = read.value;
    return made(name, `${chain} ${behind.fingerprint}`, () => ({
      name,
      tlsCertificate: { certificateChain: inline(chain), privateKey: inline(privateKey.reveal()) },
    }));
  }
  const read = authoritiesOf(behind);
  if (!read.ok) return undefined;
  const { certificates, revoked } = read.value;
  // Of all entries these two count: another key beside them is no new version.
  return made(name, `${certificates} ${revoked}`, () => ({
    name,
    validationContext: { trustedCa: inline(certificates), ...(revoked === '' ? {} : { crl: inline(revoked) }) },
  }));
}

function made(name: string, content: string, message: () => Message): LazyResource {
  return new LazyResource(name, contentVersion(Buffer.from(content)), () =>
    encode('envoy.extensions.transport_sockets.tls.v3.Secret', message()),
  );
}

/** No secret at all: only paths. */
function fileResource(name: string, source: SecretSource): LazyResource {
  const body = encode('envoy.extensions.transport_sockets.tls.v3.Secret', fileMessage(name, source));
  return new LazyResource(name, contentVersion(body), () => body);
}

const inline = (text: string): envoy.config.core.v3.DataSource => ({ inlineBytes: Buffer.from(text) });

/** Paths of files that Envoy reads, and reads again when whoever renews them puts others in their place. */
function fileMessage(name: string, source: SecretSource): Message {
  switch (source.kind) {
    case 'key-pair-files': {
      const { certificate, privateKey } = source;
      return {
        name,
        tlsCertificate: {
          certificateChain: { filename: certificate },
          privateKey: { filename: privateKey },
        },
      };
    }
    case 'authorities-file': {
      const { path, revoked } = source;
      return {
        name,
        validationContext: { trustedCa: { filename: path }, ...(revoked === '' ? {} : { crl: { filename: revoked } }) },
      };
    }
    case 'key-pair':
    case 'authorities':
      return { name };
  }
}
