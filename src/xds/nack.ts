import type { TypeUrl, ViewId } from '../model/ids.ts';
import type { ErrorDetail } from './request.ts';
import type { ParkedNames } from './state.ts';

/** One resource that a proxy refused. It's kept from all proxies of the view until its content changes. */
export interface ParkedResource {
  readonly view: ViewId;
  readonly type: TypeUrl;
  /** '' where a whole state-of-the-world response was refused. */
  readonly name: string;
  /** '' where the removal was refused. */
  readonly version: string;
  /** Envoy's own words. */
  readonly message: string;
  readonly proxies: readonly string[];
  readonly since: number;
}

const nothingParked: ParkedNames = { size: 0, has: () => false };

/** How many refused resources are remembered per view and type, and how many proxies are named for each. */
const maxPerScope = 1024;
const maxProxies = 16;

class Scope implements ParkedNames {
  readonly byName = new Map<string, ParkedResource>();

  get size(): number {
    return this.byName.size;
  }

  has(name: string, version: string): boolean {
    return this.byName.get(name)?.version === version;
  }
}

/** The refused resources of all views (architecture, decision 11). */
export class Parking {
  readonly #scopes = new Map<string, Scope>();
  readonly #maxScopes: number;

  constructor(maxScopes = 4096) {
    this.#maxScopes = maxScopes;
  }

  of(view: ViewId, type: TypeUrl): ParkedNames {
    return this.#scopes.get(`${view}\n${type}`) ?? nothingParked;
  }

  /** Returns whether that resource was not parked before, so that it's logged once. */
  park(where: Omit<ParkedResource, 'proxies' | 'message'>, proxy: string, error: ErrorDetail): boolean {
    const key = `${where.view}\n${where.type}`;
    let scope = this.#scopes.get(key);
    if (scope === undefined) {
      scope = new Scope();
      this.#scopes.set(key, scope);
      evictOldest(this.#scopes, this.#maxScopes);
    }
    const known = scope.byName.get(where.name);
    const again = known?.version === where.version;
    const proxies = again ? known.proxies : [];
    const added = proxies.includes(proxy) || proxies.length >= maxProxies ? proxies : [...proxies, proxy];
    scope.byName.set(
      where.name,
      again ? { ...known, proxies: added } : { ...where, message: error.message, proxies: added },
    );
    evictOldest(scope.byName, maxPerScope);
    return !again;
  }

  list(): readonly ParkedResource[] {
    return [...this.#scopes.values()].flatMap((scope) => [...scope.byName.values()]);
  }
}

function evictOldest<K, V>(map: Map<K, V>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) {
      return;
    }
    map.delete(key);
  }
}

/** More suspects than this are no hint. */
const maxSuspects = 8;

/**
 * Takes a refused response apart. What Envoy's message names is tried on its own, after all the rest; without such a hint
 * the response is halved, so that one bad resource among a thousand is found in ten rounds.
 */
export function takeApart(names: readonly string[], message: string): readonly (readonly string[])[] {
  const suspects = names.filter((name) => message.includes(name));
  if (suspects.length > 0 && suspects.length <= maxSuspects && suspects.length < names.length) {
    const rest = names.filter((name) => !suspects.includes(name));
    return [rest, ...suspects.map((name) => [name])];
  }
  const half = Math.ceil(names.length / 2);
  return [names.slice(0, half), names.slice(half)].filter((part) => part.length > 0);
}
