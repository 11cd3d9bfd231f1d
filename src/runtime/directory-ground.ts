import { mkdir } from 'node:fs/promises';
import { openJoinKeys } from '../ca/join-keys.ts';
import { openAuthority } from '../ca/open-authority.ts';
import { servingNames } from '../ca/serving.ts';
import { directorySource } from '../config/directory.ts';
import type { Surroundings } from '../lib/surroundings.ts';
import type { Settings } from '../settings.ts';
import type { Ground } from './ground.ts';
import { watchMesh } from './mesh-reload.ts';

/** A directory of YAML: the CA's key and the join keys are files of the state directory, mesh settings a file. */
export async function openDirectoryGround(
  directory: string,
  settings: Settings,
  { clock, log }: Surroundings,
): Promise<Ground> {
  const { stateDir, mesh, meshFile, meshFindings } = settings;
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const authority = await openAuthority(stateDir, { trustDomain: mesh.trustDomain, clock });
  const joinKeys = await openJoinKeys(stateDir);
  const source = directorySource(directory, { clock, log });
  return {
    name: directory,
    source,
    authority,
    joinKeys,
    reviewToken: undefined,
    initial: { mesh, findings: meshFindings },
    servingNames: servingNames(mesh.rootNamespace),
    missing: () => '',
    firstSyncMs: 30_000,
    leaveMs: 0,
    drainMs: 0,
    followMesh(current, changed) {
      if (meshFile === undefined) return new DisposableStack();
      return watchMesh({
        file: meshFile,
        current,
        changed: (next, findings) => changed({ mesh: next, findings }),
        log,
      });
    },
    start: () => Promise.resolve({ leading: false, [Symbol.asyncDispose]: () => Promise.resolve() }),
    [Symbol.asyncDispose]: async () => await source[Symbol.asyncDispose](),
  };
}
