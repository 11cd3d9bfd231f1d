import { type Labels, objectKey } from '../model/object.ts';
import { gatewayNameLabel } from '../model/policy-scope.ts';
import type { Selector } from '../model/selector.ts';
import type { TargetRef } from '../model/target-ref.ts';

/** What an index holds: an object that chooses workloads by their labels. */
interface Selecting {
  readonly kind: string;
  readonly meta: { readonly namespace: string; readonly name: string };
  readonly selector: Selector;
  readonly targets: readonly TargetRef[];
}

/**
 * The objects of one kind by what they select, kept current object by object: to ask for those of one workload costs what
 * they are, however many choose others. Each selector stands under one of its labels, the one with the fewest neighbours
 * when it came, so a label that all of them share makes no long list.
 */
export class SelectorIndex<T extends Selecting> {
  readonly #namespaces = new Map<string, InNamespace<T>>();

  /** Takes over one change of an object; either side may be missing. */
  replace(before: T | undefined, after: T | undefined): void {
    if (before !== undefined) {
      const { namespace } = before.meta;
      const known = this.#namespaces.get(namespace);
      known?.remove(before);
      if (known?.size === 0) this.#namespaces.delete(namespace);
    }
    if (after !== undefined) {
      const { namespace } = after.meta;
      const known = this.#namespaces.get(namespace) ?? new InNamespace<T>();
      this.#namespaces.set(namespace, known);
      known.add(after);
    }
  }

  /** All that may select a workload with these labels, and perhaps some that don't; in no particular order. */
  candidates(namespace: string, labels: Labels): readonly T[] {
    return this.#namespaces.get(namespace)?.candidates(labels) ?? [];
  }

  /** The label keys that some selector of a namespace reads. */
  keysRead(namespace: string): Iterable<string> {
    return this.#namespaces.get(namespace)?.keysRead.keys() ?? [];
  }
}

class InNamespace<T extends Selecting> {
  /** How many selectors read a label key. */
  readonly keysRead = new Map<string, number>();
  readonly #everywhere = new Map<string, T>();
  readonly #byLabel = new Map<string, Map<string, T>>();
  /** The label under which an object stands; '' for those that select everything. */
  readonly #filedUnder = new Map<string, string>();

  get size(): number {
    return this.#filedUnder.size;
  }

  add(object: T): void {
    const wanted = object.targets.length > 0 ? [] : Object.entries(object.selector.matchLabels);
    for (const key of keysOf(object)) this.keysRead.set(key, (this.keysRead.get(key) ?? 0) + 1);
    const [place = ''] = wanted
      .map(([key, value]) => labelText(key, value))
      .sort((a, b) => (this.#byLabel.get(a)?.size ?? 0) - (this.#byLabel.get(b)?.size ?? 0));
    const key = objectKey(object);
    this.#filedUnder.set(key, place);
    if (place === '') {
      this.#everywhere.set(key, object);
      return;
    }
    const neighbours = this.#byLabel.get(place) ?? new Map<string, T>();
    this.#byLabel.set(place, neighbours.set(key, object));
  }

  remove(object: T): void {
    for (const key of keysOf(object)) {
      const left = (this.keysRead.get(key) ?? 0) - 1;
      if (left > 0) this.keysRead.set(key, left);
      else this.keysRead.delete(key);
    }
    const key = objectKey(object);
    const place = this.#filedUnder.get(key) ?? '';
    this.#filedUnder.delete(key);
    this.#everywhere.delete(key);
    const neighbours = this.#byLabel.get(place);
    neighbours?.delete(key);
    if (neighbours?.size === 0) this.#byLabel.delete(place);
  }

  candidates(labels: Labels): readonly T[] {
    const found = [...this.#everywhere.values()];
    for (const [key, value] of Object.entries(labels)) {
      for (const object of this.#byLabel.get(labelText(key, value))?.values() ?? []) found.push(object);
    }
    return found;
  }
}

/** The labels that decide whether an object holds for a workload; targets are gateways, which have a label of their own. */
function keysOf({ selector, targets }: Selecting): readonly string[] {
  return targets.length > 0 ? [gatewayNameLabel] : Object.keys(selector.matchLabels);
}

/** A label key holds no `=` (Kubernetes, label syntax). */
const labelText = (key: string, value: string): string => `${key}=${value}`;
