import { type KubeObject, kubeKey } from './object.ts';

/** Names one object among those of its kind. */
export interface HeldRef {
  readonly namespace: string;
  readonly name: string;
}

/**
 * What a consumer was told of: which objects there are, in which version. Only versions are held, not the objects, so
 * that a relist can be compared at the cost of two short strings an object.
 */
export class Held {
  readonly #versions = new Map<string, string>();

  get size(): number {
    return this.#versions.size;
  }

  /** Takes the object over; false if just this version was known. One made anew under an old name is another version. */
  put(object: KubeObject): boolean {
    const key = kubeKey(object);
    const { resourceVersion, uid } = object.metadata;
    const version = `${resourceVersion ?? ''} ${uid ?? ''}`;
    if (resourceVersion !== undefined && this.#versions.get(key) === version) return false;
    this.#versions.set(key, version);
    return true;
  }

  /** Forgets the object; false if it was not known. */
  remove(object: KubeObject): boolean {
    return this.#versions.delete(kubeKey(object));
  }

  /** Forgets all but these, and says which. */
  keepOnly(keys: ReadonlySet<string>): readonly HeldRef[] {
    const gone = [...this.#versions.keys()].filter((key) => !keys.has(key));
    for (const key of gone) this.#versions.delete(key);
    return gone.map(refOf);
  }
}

function refOf(key: string): HeldRef {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
