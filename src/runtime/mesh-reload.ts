import { unwatchFile, watchFile } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { MeshError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Finding } from '../model/finding.ts';
import type { Mesh } from '../model/mesh.ts';
import { readMesh } from '../settings.ts';

export interface MeshReload {
  readonly file: string;
  /** What holds now. */
  readonly current: () => Mesh;
  readonly changed: (mesh: Mesh, findings: readonly Finding[]) => void;
  readonly log: Logger;
  /**
   * How often the path is looked at; often enough for people by default. A path, not an inode: that survives renames and the
   * link swaps of mounted ConfigMaps.
   */
  readonly everyMs?: number;
}

/**
 * Names that certificates and scopes are made of can't change under running workloads: a file that changes one of them is
 * refused, as one with errors is, and what was read before stays in force.
 */
const fixed = ['trustDomain', 'rootNamespace', 'dnsDomain'] as const satisfies readonly (keyof Mesh)[];

/**
 * The settings to go on with: those that were read, or `undefined` where nothing changes, or where they would change what
 * can't change; the log says so then.
 */
export function acceptMesh(read: Mesh, now: Mesh, log: Logger): Mesh | undefined {
  // A trust domain that came from a flag is no difference.
  const mesh = { ...read, trustDomain: now.trustDomain };
  const differs = fixed.filter((field) => mesh[field] !== now[field]);
  if (differs.length > 0) {
    log.error({ fields: differs }, 'mesh settings not taken over: these need a restart');
    return undefined;
  }
  return isDeepStrictEqual(mesh, now) ? undefined : mesh;
}

/** Reads the mesh file again whenever it changes. Dispose to stop. */
export function watchMesh({ file, current, changed, log, everyMs = 500 }: MeshReload): Disposable {
  const reload = async (): Promise<void> => {
    const { mesh: read, findings } = await readMesh(file);
    const mesh = acceptMesh(read, current(), log);
    if (mesh === undefined) return;
    changed(mesh, findings);
    log.info({ file }, 'mesh settings changed');
  };
  const look = (): void => {
    reload().catch((thrown: unknown) =>
      log.error({ reason: MeshError.from(thrown).message }, 'mesh file not taken over: what was read before stays'),
    );
  };
  watchFile(file, { interval: everyMs, persistent: false }, look);
  return { [Symbol.dispose]: () => unwatchFile(file, look) };
}
