import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readContent } from '../../src/config/file-content.ts';
import { parseDocuments } from '../../src/lib/yaml.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import type { Resource } from '../../src/model/resource.ts';
import { types } from '../../src/model/type-urls.ts';
import { findWorkload } from '../../src/snapshot/indexes.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { Store } from '../../src/snapshot/store.ts';
import { BuildCache } from '../../src/translate/cache.ts';
import { translate } from '../../src/translate/translate.ts';
import { json } from './compiled.ts';
import { objectsOf, secretYaml } from './gateway-documents.ts';
import { type GoldenCase, parseCase, type Shown } from './golden-case.ts';
import { goldenYaml } from './golden-yaml.ts';
import { sidecar } from './objects.ts';
import { selfSigned } from './self-signed.ts';

/** The cases: every folder that holds an `in.yaml`. */
export function goldenCases(root: string): readonly string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, 'in.yaml')))
    .map(({ name }) => name)
    .sort();
}

/** What a case should have in its `out/`: file name to text. */
export function expectedFiles(folder: string): ReadonlyMap<string, string> {
  return new Map(compiledCase(folder).flatMap(({ proxy, resources }) => filesOf(proxy, resources)));
}

/** Everything that each proxy of a case gets. */
export function compiledCase(
  folder: string,
): readonly { readonly proxy: GoldenCase['proxies'][number]; readonly resources: readonly Resource[] }[] {
  const golden = parseCase(documentOf(join(folder, 'case.yaml')));
  const snapshot = new Store({ ...defaultMesh, ...golden.mesh }).commit([
    { type: 'reset', objects: [...readObjects(folder), ...golden.secrets.flatMap(madeSecret)] },
  ]).snapshot;
  return golden.proxies.map((proxy) => ({ proxy, resources: resourcesOf(snapshot, proxy) }));
}

function resourcesOf(
  snapshot: Snapshot,
  { name, namespace, kind, routes }: GoldenCase['proxies'][number],
): readonly Resource[] {
  const workload = findWorkload(snapshot, namespace, name);
  if (workload === undefined) throw new Error(`in.yaml has no workload ${name}.${namespace}`);
  const { resources, findings } = translate(
    snapshot,
    sidecar(workload, { kind, routes }),
    new BuildCache({ verify: true }),
  );
  if (findings.length > 0) throw new Error(findings.map(({ message }) => message).join('\n'));
  return resources;
}

function madeSecret({ name, namespace }: GoldenCase['secrets'][number]): readonly MeshObject[] {
  const { certificate, key } = selfSigned(1);
  return objectsOf(secretYaml(name, { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': certificate }, namespace));
}

function filesOf(
  { name, namespace, show }: GoldenCase['proxies'][number],
  resources: readonly Resource[],
): readonly (readonly [string, string])[] {
  return show.map(({ type, resources: wanted }) => {
    const own = resources.filter((each) => each.type === types[type]);
    return [`${name}.${namespace}.${type}.yaml`, goldenYaml(wanted.flatMap((each) => shownOf(own, each)))] as const;
  });
}

/** The resources that a line of a case asks for; it must ask for something that is there. */
function shownOf(
  resources: readonly Resource[],
  { name, chains }: Shown,
): readonly { readonly json: object; readonly note: string }[] {
  const found = resources.filter((each) => glob(name, each.name));
  if (found.length === 0)
    throw new Error(`nothing is named ${name}; there are ${resources.map((each) => each.name).join(', ')}`);
  return found.map((each) => {
    const whole = json(each) as { readonly filter_chains?: readonly { readonly name?: string }[] };
    if (chains === undefined) return { json: whole, note: '' };
    const some = (whole.filter_chains ?? []).filter((chain) => chains.some((one) => glob(one, chain.name ?? '')));
    if (some.length === 0) throw new Error(`${each.name} has no chain ${chains.join()}`);
    return {
      json: { name: each.name, filter_chains: some },
      note: `of ${each.name} only the chains ${chains.join(', ')}`,
    };
  });
}

/** `*` stands for any characters, everything else for itself. */
function glob(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return text === pattern;
  const last = rest.pop() ?? '';
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > text.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}

function readObjects(folder: string): readonly MeshObject[] {
  const { entries, findings } = readContent('in.yaml', readFileSync(join(folder, 'in.yaml'), 'utf8'));
  const bad = findings.filter(({ severity }) => severity !== 'info');
  if (bad.length > 0) throw new Error(bad.map(({ field, message }) => `in.yaml: ${field}: ${message}`).join('\n'));
  return [...entries.values()].flatMap(({ object }) => (object === undefined ? [] : [object]));
}

function documentOf(path: string): unknown {
  const [document, ...more] = parseDocuments(readFileSync(path, 'utf8'));
  if (document?.kind !== 'value' || more.length > 0) throw new Error(`${path} is not one YAML document`);
  return document.value;
}

/** What is in `out/` now. */
export function actualFiles(folder: string): ReadonlyMap<string, string> {
  const out = join(folder, 'out');
  if (!existsSync(out)) return new Map();
  return new Map(
    readdirSync(out)
      .sort()
      .map((name) => [name, readFileSync(join(out, name), 'utf8')]),
  );
}

/** Writes what should be there, and deletes what should not. */
export function updateFiles(folder: string): void {
  const expected = expectedFiles(folder);
  const out = join(folder, 'out');
  mkdirSync(out, { recursive: true });
  for (const name of readdirSync(out)) if (!expected.has(name)) rmSync(join(out, name), { recursive: true });
  for (const [name, text] of expected) writeFileSync(join(out, name), text);
}
