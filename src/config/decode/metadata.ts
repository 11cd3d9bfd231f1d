import type { ObjectMeta, Origin } from '../../model/object.ts';
import type { Field } from './field.ts';
import { checkLabel, checkNamespaceName, checkObjectName } from './names.ts';
import { suggest } from './suggest.ts';

const metadataFields = [
  'annotations',
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generateName',
  'generation',
  'labels',
  'managedFields',
  'name',
  'namespace',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
];

/** What the readers of a kind get beside the spec. */
export interface Metadata {
  readonly meta: ObjectMeta;
  /** `metadata.deletionTimestamp` is set: the object is on its way out. */
  readonly deleting: boolean;
}

/** How metadata is read: `namespaced` kinds without a namespace get `defaultNamespace`. */
export interface MetadataContext {
  readonly namespaced: boolean;
  readonly defaultNamespace: string;
  readonly origin: Origin;
}

/** Reads ObjectMeta; undefined if the object has no usable name, since nothing can be said about it then. */
export function readMetadata(field: Field, context: MetadataContext): Metadata | undefined {
  if (!field.present) return field.error('missing-field', 'metadata is required', 'add metadata with a name');
  const fields = field.fields(metadataFields);
  if (fields === undefined) return undefined;
  const name = readName(fields.get('name'), fields.get('generateName').present);
  const namespace = context.namespaced ? readNamespace(fields.get('namespace'), context.defaultNamespace) : '';
  const labels = fields.get('labels');
  for (const [key, label] of labels.entries() ?? []) {
    if (typeof label.value === 'string') checkLabel(label, key, label.value);
  }
  const meta = {
    labels: labels.stringMap(),
    annotations: fields.get('annotations').stringMap(),
    createdAt: readTime(fields.get('creationTimestamp')) ?? 0,
    uid: fields.get('uid').string() ?? '',
    generation: fields.get('generation').integer(0, Number.MAX_SAFE_INTEGER) ?? 0,
    origin: context.origin,
  };
  // A mistyped namespace must not put the object into the default one, where it would hold for the wrong workloads.
  if (
    !fields.get('namespace').present &&
    fields.unknown.some((name) => suggest(name, metadataFields) === 'namespace')
  ) {
    return undefined;
  }
  const deleting = readTime(fields.get('deletionTimestamp')) !== undefined;
  if (name === undefined || namespace === undefined) return undefined;
  return { meta: { name, namespace, ...meta }, deleting };
}

function readName(field: Field, generated: boolean): string | undefined {
  if (!field.present) {
    const hint = generated ? 'generateName needs an API server; write a name' : 'add metadata.name';
    return field.error('missing-field', 'metadata.name is required', hint);
  }
  const name = field.text();
  if (name !== undefined) checkObjectName(field, name);
  return name;
}

function readNamespace(field: Field, fallback: string): string | undefined {
  if (!field.present || field.value === '') return fallback;
  const namespace = field.string();
  if (namespace !== undefined) checkNamespaceName(field, namespace);
  return namespace;
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function readTime(field: Field): number | undefined {
  const text = field.string();
  if (text === undefined) return undefined;
  const time = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    return field.error(
      'bad-time',
      `${JSON.stringify(text)} is not an RFC 3339 time`,
      'write it like 2026-01-31T12:00:00Z',
    );
  return time;
}
