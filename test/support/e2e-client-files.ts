import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mesh } from './e2e-mesh.ts';

/** A folder that every pod's Envoy can read. */
export class ClientFiles {
  readonly #mesh: Mesh;
  readonly #folder: string;

  private constructor(mesh: Mesh, folder: string) {
    this.#mesh = mesh;
    this.#folder = folder;
  }

  static async make(mesh: Mesh, folder: string): Promise<ClientFiles> {
    const files = new ClientFiles(mesh, folder);
    await mkdir(files.#outside(''), { recursive: true });
    await chmod(files.#outside(''), 0o755);
    return files;
  }

  /** The file as an Envoy sees it. */
  path(name: string): string {
    return this.#mesh.sandbox.insidePath(join(this.#folder, name));
  }

  /** Puts a file there at once, in place of what had its name; gives its path. */
  async put(name: string, text: string): Promise<string> {
    const draft = this.#outside(`.${name}.tmp`);
    await writeFile(draft, text);
    await chmod(draft, 0o644);
    await rename(draft, this.#outside(name));
    return this.path(name);
  }

  /** Exchanges several files at once, as kubelet does it: they are links through a link that is replaced. */
  async putTogether(version: string, files: Readonly<Record<string, string>>): Promise<void> {
    await mkdir(this.#outside(version), { recursive: true });
    await chmod(this.#outside(version), 0o755);
    for (const [name, text] of Object.entries(files)) {
      await writeFile(this.#outside(join(version, name)), text);
      await chmod(this.#outside(join(version, name)), 0o644);
    }
    await symlink(version, this.#outside('..data.tmp'));
    await rename(this.#outside('..data.tmp'), this.#outside('..data'));
    for (const name of Object.keys(files)) {
      await symlink(join('..data', name), this.#outside(name)).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      });
    }
  }

  async remove(name: string): Promise<void> {
    await rm(this.#outside(name), { recursive: true });
  }

  #outside(name: string): string {
    return this.#mesh.sandbox.path(join(this.#folder, name));
  }
}
