import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onlyUser } from './container-rights.ts';
import type { Bind } from './container-script.ts';
import { Missing } from './missing.ts';
import type { Container, Pod } from './pod.ts';
import type { PodTokens } from './pod-tokens.ts';
import { tokenSources, type VolumeSources, volumeFiles, volumePlan } from './volume-files.ts';
import { type WrittenVolume, writeVolume } from './write-volume.ts';

/** The volumes of one pod: folders of the sandbox that its containers see. */
export class PodVolumes {
  readonly #dir: string;
  readonly #tokens: PodTokens;
  readonly #written = new Map<string, WrittenVolume>();
  #work: Promise<void> = Promise.resolve();

  constructor(dir: string, tokens: PodTokens) {
    this.#dir = dir;
    this.#tokens = tokens;
  }

  /**
   * Brings all of them up to date with their sources, one call after the other. Throws {@link Missing} where a source is
   * not there yet; the other volumes are up to date then.
   */
  sync(sources: Omit<VolumeSources, 'token'>): Promise<void> {
    const next = this.#work.then(async () => await this.#sync(sources));
    this.#work = next.catch(() => {
      // Reported to who asked; the next one tries again.
    });
    return next;
  }

  /** What a container sees of them. */
  binds(container: Container, pod: Pod): readonly Bind[] {
    return (container.volumeMounts ?? []).map((mount) => {
      if (mount.subPath !== undefined || mount.subPathExpr !== undefined) {
        throw new Missing(`volume ${mount.name}: subPath is not supported in the sandbox`);
      }
      const volume = pod.spec.volumes?.find((each) => each.name === mount.name);
      const files = volume !== undefined && volumePlan(volume).kind === 'files';
      const readOnly = files || mount.readOnly === true;
      return { kind: 'bind', from: this.#folder(mount.name), to: mount.mountPath, readOnly };
    });
  }

  async #sync(sources: Omit<VolumeSources, 'token'>): Promise<void> {
    const { pod } = sources;
    const volumes = pod.spec.volumes ?? [];
    await this.#tokens.fetch(volumes.flatMap(tokenSources));
    const owner = { uid: onlyUser(pod), fsGroup: pod.spec.securityContext?.fsGroup };
    let missing: Missing | undefined;
    for (const volume of volumes) {
      const dir = this.#folder(volume.name);
      const plan = volumePlan(volume);
      if (plan.kind === 'unsupported') continue;
      await mkdir(dir, { recursive: true });
      if (plan.kind === 'empty') {
        await chmod(dir, 0o777);
        continue;
      }
      try {
        const files = volumeFiles(volume, { ...sources, token: (source) => this.#tokens.get(source) });
        this.#written.set(volume.name, await writeVolume(dir, files, owner, this.#written.get(volume.name)));
      } catch (thrown) {
        if (!(thrown instanceof Missing)) throw thrown;
        missing ??= new Missing(`volume ${volume.name}: ${thrown.message}`);
      }
    }
    if (missing !== undefined) throw missing;
  }

  #folder(volume: string): string {
    return join(this.#dir, 'volumes', volume);
  }
}
