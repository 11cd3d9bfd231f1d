import { MeshError } from '../lib/errors.ts';
import { isRecord } from '../lib/is-record.ts';
import { parseDocuments, yamlText } from '../lib/yaml.ts';
import type { ManifestDocument } from './manifest-document.ts';

const clusterScoped: ReadonlySet<string> = new Set([
  'Namespace',
  'Node',
  'CustomResourceDefinition',
  'ClusterRbacConfig',
  'MeshPolicy',
]);

/**
 * Splits a file into objects, `List` kinds included; `namespace` is what an object without one gets, as with `kubectl -n`.
 * Field by field checks are the control plane's: here only what is needed to file the object is read.
 */
export function readDocuments(file: string, text: string, namespace = 'default'): readonly ManifestDocument[] {
  return parseDocuments(text).flatMap((each) => {
    const { line } = each;
    if (each.kind === 'broken') throw at(file, line, each.message);
    const { value } = each;
    if (!isRecord(value)) throw at(file, line, 'expected an object (a mapping)');
    if (value['kind'] === 'List' && Array.isArray(value['items'])) {
      return value['items'].map((item: unknown, index) => {
        if (!isRecord(item)) throw at(file, line, `items[${index}]: expected an object`);
        return describe(file, line, item, undefined, namespace);
      });
    }
    return [describe(file, line, value, each.text, namespace)];
  });
}

/** An object of ours, shaped like one that was read. */
export function toDocument(file: string, value: Readonly<Record<string, unknown>>): ManifestDocument {
  return describe(file, 1, value, undefined, 'default');
}

function describe(
  file: string,
  line: number,
  value: Readonly<Record<string, unknown>>,
  text: string | undefined,
  fallback: string,
): ManifestDocument {
  const { kind } = value;
  const metadata = value['metadata'];
  if (typeof kind !== 'string' || kind === '') throw at(file, line, 'kind: required');
  if (typeof value['apiVersion'] !== 'string') throw at(file, line, 'apiVersion: required');
  if (!isRecord(metadata)) throw at(file, line, 'metadata: required');
  const { name } = metadata;
  if (typeof name !== 'string' || !safeName.test(name))
    throw at(file, line, 'metadata.name: expected a Kubernetes object name');
  if (clusterScoped.has(kind)) return { file, line, kind, namespace: '', name, text: text ?? yamlText(value), value };
  const own = metadata['namespace'];
  if (own !== undefined && (typeof own !== 'string' || !safeName.test(own))) {
    throw at(file, line, 'metadata.namespace: expected a namespace name');
  }
  if (own !== undefined) return { file, line, kind, namespace: own, name, text: text ?? yamlText(value), value };
  const filled = { ...value, metadata: { ...metadata, namespace: fallback } };
  return { file, line, kind, namespace: fallback, name, text: yamlText(filled), value: filled };
}

const safeName = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

function at(file: string, line: number, message: string): MeshError {
  return new MeshError('bad-argument', `${file}:${line}: ${message}`);
}
