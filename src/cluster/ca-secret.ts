import { type AuthorityFiles, authorityFileNames } from '../ca/authority-material.ts';
import type { KubeClient } from '../kube/client.ts';
import { ifFound } from '../kube/if-found.ts';
import type { KubeObject } from '../kube/object.ts';
import { MeshError } from '../lib/errors.ts';
import { isRecord } from '../lib/is-record.ts';
import { Redacted } from '../lib/redacted.ts';
import { ownCaSecretName, ownLabels, type pluggedCaSecretName } from '../model/cluster-names.ts';

export type CaSecretName = typeof pluggedCaSecretName | typeof ownCaSecretName;

/** The authority in one Secret, as it was read. */
export interface CaSecret {
  readonly name: CaSecretName;
  readonly resourceVersion: string;
  /** For messages: which Secret. */
  readonly place: string;
  readonly files: Redacted<AuthorityFiles>;
}

/** Where cert-manager puts what the others keep in files of our names (behaviour.md section 6.4). */
const certManagerNames = { 'ca-cert.pem': 'tls.crt', 'ca-key.pem': 'tls.key', 'root-cert.pem': 'ca.crt' } as const;

/** Reads the Secret; undefined where there is none. Throws `bad-argument` with what is missing in one that is not whole. */
export async function readCaSecret(
  client: KubeClient,
  namespace: string,
  name: CaSecretName,
): Promise<CaSecret | undefined> {
  const secret = await ifFound(client.get(`${secretsIn(namespace)}/${name}`));
  return secret && caSecretOf(secret, namespace, name);
}

/** Creates `istio-ca-secret`; undefined where somebody else was first. */
export async function createCaSecret(
  client: KubeClient,
  namespace: string,
  files: AuthorityFiles,
): Promise<CaSecret | undefined> {
  const data = Object.fromEntries(
    authorityFileNames.map((name) => [name, Buffer.from(files[name]).toString('base64')]),
  );
  const metadata = { name: ownCaSecretName, namespace, labels: ownLabels };
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'istio.io/ca-root', data };
  try {
    return caSecretOf(await client.create(secretsIn(namespace), secret), namespace, ownCaSecretName);
  } catch (thrown) {
    if (thrown instanceof MeshError && thrown.code === 'conflict') return undefined;
    throw thrown;
  }
}

const secretsIn = (namespace: string): string => `/api/v1/namespaces/${namespace}/secrets`;

function caSecretOf(object: KubeObject, namespace: string, name: CaSecretName): CaSecret {
  const place = `Secret ${namespace}/${name}`;
  const data = isRecord(object['data']) ? object['data'] : {};
  const read = (key: string): string | undefined => {
    const value = data[key];
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : undefined;
  };
  const files = 'tls.crt' in data ? certManagerFiles(read, place) : ownFiles(read, place, name);
  return { name, place, resourceVersion: object.metadata.resourceVersion ?? '', files: new Redacted(files) };
}

type Read = (key: string) => string | undefined;

function ownFiles(read: Read, place: string, name: CaSecretName): AuthorityFiles {
  const certificate = read('ca-cert.pem');
  // Older control planes of Istio left these two out, or empty, in the Secret that they made: their root signed itself.
  const made = name === ownCaSecretName;
  const root = read('root-cert.pem');
  return whole(place, authorityFileNames, {
    'ca-cert.pem': certificate,
    'ca-key.pem': read('ca-key.pem'),
    'root-cert.pem': made ? root || certificate : root,
    'cert-chain.pem': made ? (read('cert-chain.pem') ?? '') : read('cert-chain.pem'),
  });
}

function certManagerFiles(read: Read, place: string): AuthorityFiles {
  return whole(place, Object.values(certManagerNames), {
    'ca-cert.pem': read(certManagerNames['ca-cert.pem']),
    'ca-key.pem': read(certManagerNames['ca-key.pem']),
    'root-cert.pem': read(certManagerNames['root-cert.pem']),
    // Its certificate file holds the chain.
    'cert-chain.pem': '',
  });
}

function whole(
  place: string,
  keys: readonly string[],
  files: { readonly [Name in keyof AuthorityFiles]: string | undefined },
): AuthorityFiles {
  const [certificate, key, root, chain] = [
    files['ca-cert.pem'],
    files['ca-key.pem'],
    files['root-cert.pem'],
    files['cert-chain.pem'],
  ];
  if (certificate === undefined || key === undefined || root === undefined || chain === undefined) {
    const names = Object.entries(files).flatMap(([name, value]) => (value === undefined ? [nameIn(keys, name)] : []));
    throw new MeshError('bad-argument', `${place} is not a whole authority: ${names.sort().join(', ')} missing`, {
      hint: 'put in what is missing (cert-chain.pem may be empty where the root itself signs)',
    });
  }
  return { 'ca-cert.pem': certificate, 'ca-key.pem': key, 'root-cert.pem': root, 'cert-chain.pem': chain };
}

/** What a file of ours is called in the Secret. */
function nameIn(keys: readonly string[], name: string): string {
  if (keys.includes(name)) return name;
  return Object.entries(certManagerNames).find(([ours]) => ours === name)?.[1] ?? name;
}
