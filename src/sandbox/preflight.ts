import { accessSync, constants } from 'node:fs';
import { stat } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { MeshError } from '../lib/errors.ts';

/** Programs that a sandbox is made of, and the Debian package that has each. */
const tools: readonly (readonly [program: string, package_: string])[] = [
  ['ip', 'iproute2'],
  ['iptables-restore', 'iptables'],
  ['mount', 'mount'],
  ['nsenter', 'util-linux'],
  ['setpriv', 'util-linux'],
  ['unshare', 'util-linux'],
];

/** What one with a Kubernetes API needs beyond that. */
const kubeTools: readonly (readonly [program: string, package_: string])[] = [['pivot_root', 'util-linux']];

/** Says what is missing before anything is started, all of it at once. */
export function preflight(path: string, uid: number | undefined, kube: boolean): void {
  if (process.platform !== 'linux')
    throw new MeshError('unavailable', 'the sandbox needs Linux', { hint: 'it is made of network namespaces' });
  if (uid !== 0) {
    throw new MeshError('permission-denied', 'the sandbox needs root', {
      hint: 'it makes network namespaces and packet rules, all inside one private namespace: run it with sudo',
    });
  }
  const missing = [...tools, ...(kube ? kubeTools : [])].filter(
    ([program]) => findProgram(path, program) === undefined,
  );
  if (missing.length > 0) {
    throw new MeshError('missing-tool', `not installed: ${missing.map(([program]) => program).join(', ')}`, {
      hint: `on Debian or Ubuntu: apt-get install ${[...new Set(missing.map(([, name]) => name))].join(' ')}`,
    });
  }
}

/**
 * Fails if other users can't pass through this folder or one above it: apps and sidecars find their files below it, and
 * none of them runs as root.
 */
export async function checkReachable(folder: string): Promise<void> {
  for (let each = resolve(folder); ; each = dirname(each)) {
    const mode = (await stat(each).catch(() => undefined))?.mode;
    if (mode !== undefined && (mode & 0o001) === 0) {
      throw new MeshError('bad-argument', `${each} is closed to other users, who run the apps of a sandbox`, {
        hint: 'name another folder with COXSWAIN_RUN_DIR, or leave it out',
      });
    }
    if (each === dirname(each)) return;
  }
}

/** Full path of a program, as a shell would find it. */
export function findProgram(path: string, program: string): string | undefined {
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue;
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}
