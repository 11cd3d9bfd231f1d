import { mkdtemp, rm } from 'node:fs/promises';
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
  return issue(await openAuthority(mesh.sandbox.path('state'), options), account);
}

/** The same names, signed by a root that nobody knows. */
export async function foreignCertificate(account: string): Promise<Credentials> {
  const directory = await mkdtemp(join(tmpdir(), 'coxswain-test-'));
  try {
    return issue(await openAuthority(directory, options), account);
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
