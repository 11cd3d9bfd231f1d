import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../lib/is-record.ts';
import { type JsonObject, textIn } from '../lib/json-fields.ts';

/** One step of a JSON Patch (RFC 6902); the path as keys and indexes, not yet written as a pointer. */
export type PatchStep =
  | { readonly op: 'add' | 'replace'; readonly path: readonly (string | number)[]; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: readonly (string | number)[] };

/**
 * What turns one JSON value into another, in the order in which it is to be done. Small: only what changed, and a list that
 * got more items is not written anew. Items are known by their name, as containers and volumes are.
 */
export function difference(
  before: unknown,
  after: unknown,
  path: readonly (string | number)[] = [],
): readonly PatchStep[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (isRecord(before) && isRecord(after)) return ofObjects(before, after, path);
  if (Array.isArray(before) && Array.isArray(after)) return ofLists(before, after, path);
  return [{ op: 'replace', path, value: after }];
}

/** The steps as an API server takes them. */
export function jsonPatch(steps: readonly PatchStep[]): readonly object[] {
  return steps.map((step) => ({ ...step, path: pointer(step.path) }));
}

function ofObjects(before: JsonObject, after: JsonObject, path: readonly (string | number)[]): readonly PatchStep[] {
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  return [
    ...gone.map((key): PatchStep => ({ op: 'remove', path: [...path, key] })),
    ...Object.entries(after).flatMap(([key, value]): readonly PatchStep[] =>
      Object.hasOwn(before, key)
        ? difference(before[key], value, [...path, key])
        : [{ op: 'add', path: [...path, key], value }],
    ),
  ];
}

function ofLists(
  before: readonly unknown[],
  after: readonly unknown[],
  path: readonly (string | number)[],
): readonly PatchStep[] {
  const steps: PatchStep[] = [];
  let next = 0;
  for (const [index, item] of after.entries()) {
    const old = before[next];
    if (next < before.length && same(old, item)) {
      steps.push(...difference(old, item, [...path, index]));
      next += 1;
    } else {
      steps.push({ op: 'add', path: [...path, index], value: item });
    }
  }
  // Items were taken away, or stand in another order: written anew, since the steps above would double them.
  return next === before.length ? steps : [{ op: 'replace', path, value: after }];
}

function same(before: unknown, after: unknown): boolean {
  if (isRecord(before) && isRecord(after)) {
    const name = textIn(before, 'name');
    if (name !== '') return name === textIn(after, 'name');
  }
  return isDeepStrictEqual(before, after);
}

function pointer(path: readonly (string | number)[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
