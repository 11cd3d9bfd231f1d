import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Authority } from '../../src/ca/authority.ts';
import { generateKeyPair } from '../../src/ca/key-pair.ts';
import { openAuthority } from '../../src/ca/open-authority.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { trustDomain } from '../../src/model/ids.ts';
import type { Mesh } from './e2e-mesh.ts';

/** A certificate with its key, PEM. */
export interface Credentials {
  readonly certificate: string;
  readonly key: string;
}

const options = { trustDomain: trustDomain('cluster.local'), clock: systemClock };

/** A certificate for a service account `<name>.<namespace>` that the mesh itself signed: what a thief of keys would have. */
export async function meshCertificate(mesh: Mesh, account: string): Promise<Credentials> {
  if (mesh.kube)
    return await withDirectory(async (directory) => issue(await clusterAuthority(mesh, directory), account));
  return issue(await openAuthority(mesh.sandbox.path('state'), options), account);
}

/** The same names, signed by a root that nobody knows. */
export async function foreignCertificate(account: string): Promise<Credentials> {
  return await withDirectory(async (directory) => issue(await openAuthority(directory, options), account));
}

/** The authority that the replicas of a cluster share, from its Secret. */
async function clusterAuthority(mesh: Mesh, pluggedIn: string): Promise<Authority> {
  const get = ['get', 'secret', 'istio-ca-secret', '--namespace', 'istio-system', '--output', 'json'];
  const secret: { readonly data: Readonly<Record<string, string>> } = JSON.parse(
    (await mesh.sandbox.kubectl(get)).stdout,
  );
  const files = Object.entries(secret.data);
  await Promise.all(
    files.map(([name, text]) => writeFile(join(pluggedIn, name), Buffer.from(text, 'base64'), { mode: 0o600 })),
  );
  return await openAuthority(pluggedIn, { ...options, pluggedIn });
}

async function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'coxswain-test-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

function issue(authority: Authority, account: string): Credentials {
  const [serviceAccount = '', namespace = ''] = account.split('.');
  const { privateKey, publicKey } = generateKeyPair();
  const identity = { trustDomain: authority.trustDomain, namespace, serviceAccount };
  const { chain } = authority.issue({ names: { kind: 'workload', identity }, publicKey, ttlMs: 3_600_000 });
  return { certificate: chain, key: privateKey };
}
