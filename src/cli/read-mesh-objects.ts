import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readPaths, readText } from '../config/files.ts';
import { walkTree } from '../config/tree.ts';
import { MeshError } from '../lib/errors.ts';
import type { Finding } from '../model/finding.ts';
import type { MeshObject } from '../model/mesh-object.ts';
import { objectKey } from '../model/object.ts';
import { readDocuments } from '../sandbox/documents.ts';
import { findExample } from '../sandbox/example-files.ts';
import { planSandbox } from '../sandbox/plan.ts';
import type { PodPlan } from '../sandbox/pod-plan.ts';
import { examplesDir } from '../sandbox/up-options.ts';

/** Everything that files say, with the pods that a sandbox would run for their Deployments. */
export interface MeshObjects {
  readonly objects: readonly MeshObject[];
  readonly findings: readonly Finding[];
  /** Pods that stand for Deployments; empty if the files have none. */
  readonly pods: readonly PodPlan[];
}

/** Paths with examples in them: an example stands for what runs in it, not for the policies beside, and has its own mesh settings. */
export interface ExpandedPaths {
  readonly paths: readonly string[];
  readonly meshFile: string | undefined;
}

/** Takes examples (by name, or a folder with `manifests/`) for what the sandbox would run of them. */
export async function expandExamples(paths: readonly string[]): Promise<ExpandedPaths> {
  const expanded: string[] = [];
  let meshFile: string | undefined;
  for (const path of paths) {
    if (path === '-' || !(await isExample(path))) {
      expanded.push(path);
      continue;
    }
    const example = await findExample(path, examplesDir);
    expanded.push(...example.manifests);
    meshFile ??= example.meshFile;
  }
  return { paths: expanded, meshFile };
}

async function isExample(path: string): Promise<boolean> {
  if (await isFolder(path)) return await isFolder(join(path, 'manifests'));
  return /^[a-z0-9][-a-z0-9]*$/.test(path) && (await isFolder(join(examplesDir, path)));
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

const workloadKinds = new Set(['Deployment', 'StatefulSet', 'ReplicaSet', 'DaemonSet']);

/** Reads files as `serve` does; Deployments become pods exactly as in the sandbox, so that an example means the same offline. */
export async function readMeshObjects(paths: readonly string[], stdin: () => Promise<string>): Promise<MeshObjects> {
  const text = paths.includes('-') ? await stdin() : '';
  const read = await readPaths(paths, { stdin: () => Promise.resolve(text) });
  if (!read.unknown.some(({ kind }) => workloadKinds.has(kind))) return { ...read, pods: [] };
  const plan = planSandbox((await allTexts(paths, text)).flatMap(([path, content]) => readDocuments(path, content)));
  const objects = new Map(read.objects.map((object) => [objectKey(object), object]));
  for (const document of plan.objects) {
    // Of a Service only its address may be new; policies and the like keep the origin that their own file gave them.
    const isOurs = document.file === 'sandbox' || document.kind === 'Service';
    if (!isOurs) continue;
    for (const object of readText(document.file, document.text).objects) {
      const known = objects.get(objectKey(object));
      const meta = known === undefined ? object.meta : { ...object.meta, origin: known.meta.origin };
      objects.set(objectKey(object), { ...object, meta });
    }
  }
  return { objects: [...objects.values()], findings: read.findings, pods: plan.pods };
}

async function allTexts(paths: readonly string[], stdin: string): Promise<readonly (readonly [string, string])[]> {
  const texts: [string, string][] = [];
  for (const path of paths) {
    if (path === '-') {
      texts.push(['<stdin>', stdin]);
      continue;
    }
    try {
      const files = (await stat(path)).isDirectory()
        ? (await walkTree(path, () => undefined)).files.map((file) => file.path)
        : [path];
      for (const file of files) texts.push([file, await readFile(file, 'utf8')]);
    } catch (thrown) {
      throw MeshError.from(thrown, 'bad-argument');
    }
  }
  return texts;
}
