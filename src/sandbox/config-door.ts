import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { configChanges, removal } from './config-changes.ts';
import { readDocuments } from './documents.ts';
import { documentFile, type ManifestDocument } from './manifest-document.ts';
import type { ControlRequest, SandboxStatus } from './protocol.ts';

/** How objects get into a running sandbox, and out again, by the names of files. */
export interface ConfigDoor {
  /** Puts a text in the place of what this file held before. */
  write(file: string, yaml: string, namespace: string | undefined): Promise<void>;
  /** One file for each object; gives their names. */
  apply(documents: readonly ManifestDocument[]): Promise<readonly string[]>;
  /** Takes files out; false if one of them was not there. */
  remove(files: readonly string[]): Promise<boolean>;
}

type Ask = (request: ControlRequest) => Promise<SandboxStatus>;

/** Without a cluster: the live configuration is a folder, seen from the host below `root`. */
export function directoryDoor(ask: Ask, root: string): ConfigDoor {
  const there = async (file: string, status: SandboxStatus): Promise<boolean> =>
    await access(join(root, status.configDir, file)).then(
      () => true,
      () => false,
    );
  return {
    write: async (file, text) => {
      await ask({ op: 'config', changes: [{ kind: 'write', file, text }] });
    },
    apply: async (documents) => {
      const changes = configChanges(documents, (await ask({ op: 'status' })).services);
      await ask({ op: 'config', changes });
      return changes.map((each) => each.file);
    },
    remove: async (files) => {
      const status = await ask({ op: 'status' });
      const found = await Promise.all(files.map((file) => there(file, status)));
      await ask({ op: 'config', changes: files.map((file) => removal(file, status.services)) });
      return !found.includes(false);
    },
  };
}

/** With a Kubernetes API: the supervisor applies objects there, and remembers which file they came from. */
export function kubeDoor(ask: Ask): ConfigDoor {
  return {
    write: async (file, yaml, namespace) => {
      await ask({ op: 'apply', files: [{ file, documents: readDocuments(file, yaml, namespace) }] });
    },
    apply: async (documents) => {
      const files = documents.map((document) => ({ file: documentFile(document), documents: [document] }));
      await ask({ op: 'apply', files });
      return files.map((each) => each.file);
    },
    remove: async (files) => {
      const { kube } = await ask({ op: 'status' });
      await ask({ op: 'remove', files });
      return files.every((file) => kube?.files.includes(file) === true);
    },
  };
}
