import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { MeshError } from '../lib/errors.ts';

/**
 * Whom servers of keys are known to: the roots of the system (those that come with Node, where it has none), and those of a file.
 * Made at the first use, as reading hundreds of certificates takes a tenth of a second.
 */
export function trustedRoots(more: readonly string[]): () => SecureContext {
  let made: SecureContext | undefined;
  return () => {
    if (made !== undefined) return made;
    const system = getCACertificates('system');
    const roots = system.length > 0 ? system : getCACertificates('bundled');
    made = createSecureContext({ ca: [...roots, ...more], minVersion: 'TLSv1.2' });
    return made;
  };
}

/** The certificates of a PEM file. Throws MeshError where there are none: a root that is missing would only show much later. */
export async function readRoots(file: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (thrown) {
    throw new MeshError('not-found', `can't read ${file}: ${MeshError.from(thrown).message}`, { cause: thrown });
  }
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) {
    throw new MeshError('bad-argument', `${file} holds no certificate`, { hint: 'want root certificates in PEM' });
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (thrown) {
      throw new MeshError('bad-argument', `certificate ${index + 1} of ${file} can't be read`, { cause: thrown });
    }
  }
  return blocks;
}
