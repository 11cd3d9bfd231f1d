import { assertNever } from '../lib/assert-never.ts';
import { keySetId } from '../model/key-set.ts';
import { compareText } from '../model/object.ts';
import type { KeySource, RequestAuthentication } from '../model/request-authentication.ts';

/** Where keys are fetched from. */
export type KeyPlace = Extract<KeySource, { readonly kind: 'remote' | 'discovered' }>;

/** Keys that some policy needs. */
export interface WantedKeys {
  /** `keySetId` of its place. */
  readonly id: string;
  readonly place: KeyPlace;
  /** How long a fetch may take, ms: the longest that any policy gives it, so that no policy breaks another's keys. */
  readonly timeoutMs: number;
  /** Namespaces of the policies: who shares with whom where there are too many. Sorted. */
  readonly owners: readonly string[];
}

/** All keys that these policies need and that have to be fetched, each once. */
export function wantedKeys(policies: Iterable<RequestAuthentication>): readonly WantedKeys[] {
  const found = new Map<string, WantedKeys>();
  for (const { meta, rules } of policies) {
    for (const { keys, timeoutMs } of rules) {
      const place = placeOf(keys);
      const id = keySetId(keys);
      if (place === undefined || id === undefined) continue;
      const known = found.get(id);
      const owners = new Set([...(known?.owners ?? []), meta.namespace]);
      found.set(id, {
        id,
        place,
        timeoutMs: Math.max(timeoutMs, known?.timeoutMs ?? 0),
        owners: [...owners].sort(compareText),
      });
    }
  }
  return [...found.values()];
}

function placeOf(keys: KeySource): KeyPlace | undefined {
  switch (keys.kind) {
    case 'remote':
    case 'discovered':
      return keys;
    case 'inline':
    case 'none':
      return undefined;
    default:
      return assertNever(keys);
  }
}
