import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Authority, Certificate } from '../../../src/ca/authority.ts';
import { generateKeyPair, type KeyPair } from '../../../src/ca/key-pair.ts';
import { openAuthority } from '../../../src/ca/open-authority.ts';
import type { LeafNames } from '../../../src/ca/template.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { trustDomain, type WorkloadIdentity } from '../../../src/model/ids.ts';

/** When all tests here begin; years before the machine's clock, so that a forgotten `Date.now()` shows. */
export const start = Date.UTC(2024, 0, 1);
export const hour = 3_600_000;

export const mesh = trustDomain('cluster.local');
export const webapp: WorkloadIdentity = { trustDomain: mesh, namespace: 'istioinaction', serviceAccount: 'webapp' };
export const webappNames = { kind: 'workload', identity: webapp } as const satisfies LeafNames;

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
  /** Writes a file into it and gives its path. */
  file(name: string, content: string | Uint8Array): Promise<string>;
}

export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'coxswain-ca-'));
  return {
    path,
    async file(name, content) {
      await writeFile(join(path, name), content, { mode: 0o600 });
      return join(path, name);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** A fresh authority; its directory is gone again, as it needs its files at the start only. */
export async function testAuthority(clock = new FakeClock(start)): Promise<Authority> {
  await using directory = await temporaryDirectory();
  return await openAuthority(directory.path, { trustDomain: mesh, clock });
}

/** A leaf with its key. */
export function leaf(
  authority: Authority,
  names: LeafNames = webappNames,
  ttlMs = 24 * hour,
): Certificate & { readonly pair: KeyPair } {
  const pair = generateKeyPair();
  return { ...authority.issue({ names, publicKey: pair.publicKey, ttlMs }), pair };
}

/** Runs the openssl of the machine; gives its standard output. */
export async function openssl(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('openssl', [...args]);
  return stdout;
}

/** `-attime` for `openssl verify`. */
export const at = (ms: number): readonly string[] => ['-attime', String(ms / 1000)];

/** What a promise or function failed with; a test fails where it didn't. */
export async function failure(run: () => unknown): Promise<MeshError> {
  try {
    await run();
  } catch (thrown) {
    if (thrown instanceof MeshError) return thrown;
    throw thrown;
  }
  throw new Error('expected a MeshError, but nothing was thrown');
}
