import { createPrivateKey, createPublicKey, hash, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { MeshError } from '../lib/errors.ts';
import { generateKeyPair } from './key-pair.ts';
import { createPrivateDirectory, namesIn, readPrivateFile } from './private-files.ts';

/** The key pair that join tokens are signed with: one of its own, so that a token can't be mistaken for a certificate's work. */
export interface JoinKeys {
  /** RFC 7638 thumbprint; the token's `kid`. */
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const directoryName = 'join';
const fileName = 'key.pem';

/** Opens the key in `<state directory>/join`; makes it (ECDSA P-256, owner only) where there is none. */
export async function openJoinKeys(stateDirectory: string): Promise<JoinKeys> {
  const directory = join(stateDirectory, directoryName);
  if ((await namesIn(directory)).length === 0) {
    await createPrivateDirectory(stateDirectory, directoryName, { [fileName]: generateKeyPair().privateKey });
  }
  const path = join(directory, fileName);
  const privateKey = parseKey(await readPrivateFile(path), path);
  const publicKey = createPublicKey(privateKey);
  return { id: thumbprint(publicKey), privateKey, publicKey };
}

function parseKey(pem: string, path: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    // Falls through to the one message: parsers quote their input, so their error stays here.
  }
  if (key?.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new MeshError('bad-argument', `${path} is not an ECDSA P-256 private key in PEM`, {
      hint: 'remove the join directory for a new key; tokens that were written before end with the old one',
    });
  }
  return key;
}

/** RFC 7638: the required members of the key, sorted, without spaces. */
function thumbprint(publicKey: KeyObject): string {
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  return hash('sha256', JSON.stringify({ crv, kty, x, y }), 'base64url');
}
