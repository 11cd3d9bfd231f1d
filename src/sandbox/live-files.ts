import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MeshError } from '../lib/errors.ts';
import { documentFile, type ManifestDocument } from './manifest-document.ts';
import { podScript, podScriptFile } from './pod-script.ts';
import type { ConfigChange, SupervisorSettings } from './protocol.ts';
import { runChecked } from './run-command.ts';

/**
 * Makes the sandbox's own folder: a memory file system over the run directory, seen from inside only. Programs and apps
 * are bound into it, because the users that run them may not be able to reach where they are installed.
 */
export async function makeLiveFolder(settings: SupervisorSettings): Promise<void> {
  const { runDir, node, envoy, appDirs, kube } = settings;
  const binds = [
    [node, join(runDir, 'bin', 'node')],
    ...(envoy === undefined ? [] : [[envoy, join(runDir, 'bin', 'envoy')]]),
    ...(kube === undefined ? [] : [[kube.packageDir, join(runDir, 'package')]]),
  ];
  const folders = appDirs.map((dir, index) => [dir, appFolder(runDir, index)]);
  const script = [
    'set -eu',
    'mount -t tmpfs -o mode=0755 coxswain "$1"',
    'cd "$1"',
    'mkdir bin apps pods logs; mkdir -m 0700 config state',
    'echo \'{"type":"module"}\' > package.json',
    'shift',
    'while [ $# -gt 0 ]; do',
    '  if [ -d "$1" ]; then mkdir -p "$2"; else : > "$2"; fi',
    '  mount --bind "$1" "$2"; shift 2',
    'done',
  ].join('\n');
  await runChecked(['sh', '-c', script, 'sh', runDir, ...binds.flat(), ...folders.flat()]);
  await Promise.all([chmod(join(runDir, 'logs'), 0o700), writeFile(join(runDir, podScriptFile), podScript)]);
}

/** Where the n-th folder of apps lies inside. */
export function appFolder(live: string, index: number): string {
  return join(live, 'apps', String(index));
}

/** Writes the objects of the plan, one file each. */
export async function writeObjects(configDir: string, objects: readonly ManifestDocument[]): Promise<void> {
  await mkdir(configDir, { recursive: true });
  await Promise.all(objects.map((each) => writeFile(join(configDir, documentFile(each)), each.text)));
}

/** Applies one change so that a reader sees the old file or the new one, never half of it. */
export async function changeConfig(configDir: string, change: ConfigChange): Promise<void> {
  const file = join(configDir, checkFileName(change.file));
  if (change.kind === 'remove') {
    await rm(file, { force: true });
    return;
  }
  const draft = join(configDir, `.${change.file}.tmp`);
  await writeFile(draft, change.text);
  await rename(draft, file);
}

function checkFileName(name: string): string {
  if (basename(name) === name && /^[a-z0-9][-a-zA-Z0-9._]*\.(yaml|yml|json)$/.test(name)) return name;
  throw new MeshError('bad-argument', `${JSON.stringify(name)} can't name a file of the live configuration`, {
    hint: 'a plain name that ends in .yaml',
  });
}
