import { isRecord } from '../lib/is-record.ts';

/** `metadata` of an object as the API server gives it; what this program reads of it. */
export interface KubeMetadata {
  readonly name: string;
  /** Absent for cluster-scoped kinds. */
  readonly namespace?: string;
  readonly uid?: string;
  /** Opaque; compared for equality only. */
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  /** RFC 3339; set once the object is being deleted. */
  readonly deletionTimestamp?: string;
  readonly ownerReferences?: readonly {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
  }[];
}

/** One object of the Kubernetes API, of any kind: JSON whose metadata was looked at and nothing else. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: KubeMetadata;
  readonly [field: string]: unknown;
}

/** Key of an object among those of its kind: `namespace/name`, or the name alone for cluster-scoped kinds. */
export function kubeKey({ metadata }: { readonly metadata: KubeMetadata }): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

/** Is this JSON an object with a name? What the API server sends always is; a proxy in between may send anything. */
export function isKubeObject(value: unknown): value is KubeObject {
  if (!isRecord(value)) return false;
  const { metadata } = value;
  return isRecord(metadata) && typeof metadata['name'] === 'string';
}
