import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import type { TrustDomain } from '../model/ids.ts';
import { type Authority, createAuthority, newSerial, pemOf } from './authority.ts';
import { type AuthorityFiles, authorityFileNames, parseAuthority } from './authority-material.ts';
import { generateKeyPair } from './key-pair.ts';
import { createPrivateDirectory, namesIn, readPrivateFile, readText } from './private-files.ts';
import { keyIdOf, signRoot } from './sign.ts';
import { backdateMs } from './template.ts';

export interface AuthorityOptions {
  readonly trustDomain: TrustDomain;
  readonly clock: Clock;
  /**
   * A directory with files from elsewhere (a mounted Secret). Without it, the files in the state directory decide: what
   * is there is used, and only where nothing is there a root is made.
   */
  readonly pluggedIn?: string;
}

const directoryName = 'ca';
const rootLifeMs = 3650 * 24 * 3_600_000;

/**
 * Opens the authority in `<state directory>/ca`, and makes a self-signed one there on first start. A set with a file
 * missing is an error, never a reason for a new root: that would cut off every workload that trusts the old one.
 */
export async function openAuthority(stateDirectory: string, options: AuthorityOptions): Promise<Authority> {
  const place = options.pluggedIn ?? join(stateDirectory, directoryName);
  let present = await authorityFilesIn(place);
  if (present.length === 0 && options.pluggedIn === undefined) {
    await createPrivateDirectory(stateDirectory, directoryName, { ...selfSignedFiles(options) });
    present = await authorityFilesIn(place);
  }
  const missing = authorityFileNames.filter((name) => !present.includes(name));
  if (missing.length > 0) {
    throw new MeshError('bad-argument', `${place} is not a whole authority: ${missing.join(', ')} missing`, {
      hint: 'put back what is missing (cert-chain.pem may be empty where the root itself signs)',
    });
  }
  const material = parseAuthority(await readAuthority(place), place, options.clock.now());
  return createAuthority(material, options);
}

async function authorityFilesIn(place: string): Promise<readonly string[]> {
  const known: ReadonlySet<string> = new Set(authorityFileNames);
  return (await namesIn(place)).filter((name) => known.has(name));
}

async function readAuthority(place: string): Promise<AuthorityFiles> {
  return {
    'ca-key.pem': await readPrivateFile(join(place, 'ca-key.pem')),
    'ca-cert.pem': await readText(join(place, 'ca-cert.pem')),
    'root-cert.pem': await readText(join(place, 'root-cert.pem')),
    'cert-chain.pem': await readText(join(place, 'cert-chain.pem')),
  };
}

/** The files of a new root: ECDSA P-256, ten years. Wherever they are kept, it must be done once for a mesh. */
export function selfSignedFiles(options: Pick<AuthorityOptions, 'trustDomain' | 'clock'>): AuthorityFiles {
  const { privateKey, publicKey } = generateKeyPair();
  const now = Math.floor(options.clock.now() / 1000) * 1000;
  const root = signRoot(
    {
      organization: options.trustDomain,
      // The key's identifier tells two roots of one trust domain apart in tools that show names only.
      commonName: `Coxswain root ${keyIdOf(publicKey).toString('hex').slice(0, 8)}`,
      publicKey,
      serial: newSerial(),
      notBefore: now - backdateMs,
      notAfter: now + rootLifeMs,
    },
    createPrivateKey(privateKey),
  );
  return {
    'ca-key.pem': privateKey,
    'ca-cert.pem': pemOf(root),
    'root-cert.pem': pemOf(root),
    'cert-chain.pem': '',
  };
}
