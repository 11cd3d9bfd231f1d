import type { KubeObject } from '../../kube/object.ts';
import { isRecord } from '../../lib/is-record.ts';
import { namespaceOf } from './pod.ts';

export type KeyedKind = 'configmap' | 'secret';
/** Keys and bytes of one ConfigMap or Secret. */
export type Keys = ReadonlyMap<string, Buffer>;

/** The ConfigMaps and Secrets of the cluster, as pods read them. */
export class KeyedObjects {
  readonly #held = new Map<string, Keys>();

  find(kind: KeyedKind, pod: KubeObject, name: string): Keys | undefined {
    return this.#held.get(key(kind, namespaceOf(pod), name));
  }

  put(kind: KeyedKind, object: KubeObject): void {
    this.#held.set(key(kind, namespaceOf(object), object.metadata.name), keysOf(kind, object));
  }

  remove(kind: KeyedKind, namespace: string, name: string): void {
    this.#held.delete(key(kind, namespace, name));
  }
}

function key(kind: KeyedKind, namespace: string, name: string): string {
  return `${kind} ${namespace}/${name}`;
}

function keysOf(kind: KeyedKind, object: KubeObject): Keys {
  const keys = new Map<string, Buffer>();
  const add = (field: string, encoding: BufferEncoding): void => {
    const data = object[field];
    if (!isRecord(data)) return;
    for (const [name, value] of Object.entries(data)) keys.set(name, Buffer.from(String(value), encoding));
  };
  if (kind === 'configmap') add('data', 'utf8');
  else add('data', 'base64');
  if (kind === 'configmap') add('binaryData', 'base64');
  return keys;
}
