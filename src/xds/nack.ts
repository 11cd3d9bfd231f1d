import type { TypeUrl, ViewId } from '../model/ids.ts';
import type { ErrorDetail } from './request.ts';
import type { ParkedNames, Payload } from './state.ts';

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

/** How many refused resources are remembered per view and type, versions of each, and proxies that are named for each. */
const maxPerScope = 1024;
const maxVersions = 4;
const maxProxies = 16;

class Scope implements ParkedNames {
  /** Refused versions by name, the latest first: content that comes back is not tried again. */
  readonly refused = new Map<string, readonly string[]>();
  /** What is out at present, to be shown. */
  readonly shown = new Map<string, ParkedResource>();

  get size(): number {
    return this.refused.size;
  }

  has(name: string, version: string): boolean {
    return this.refused.get(name)?.includes(version) === true;
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
    const { name, version } = where;
    const scope = this.#scope(where);
    const known = scope.shown.get(name);
    const same = known?.version === version ? known : undefined;
    const proxies = same?.proxies ?? [];
    const added = proxies.includes(proxy) || proxies.length >= maxProxies ? proxies : [...proxies, proxy];
    scope.shown.set(name, { ...where, message: error.message, ...same, proxies: added });
    const isNew = !scope.has(name, version);
    if (isNew) {
      scope.refused.set(name, [version, ...(scope.refused.get(name) ?? [])].slice(0, maxVersions));
    }
    evictOldest(scope.refused, maxPerScope);
    evictOldest(scope.shown, maxPerScope);
    return isNew;
  }

  /** A proxy of the view took other content under a parked name: nothing is out any more. */
  accepted(view: ViewId, type: TypeUrl, payload: Pick<Payload, 'content' | 'version'>): void {
    const shown = this.#scopes.get(`${view}\n${type}`)?.shown ?? new Map<string, ParkedResource>();
    const { resources, removed } = payload.content;
    const versions = new Map(resources.map((each) => [each.name, each.version]));
    for (const [name, parked] of shown) {
      const version = name === '' ? payload.version : removed.includes(name) ? '' : versions.get(name);
      if (version !== undefined && version !== parked.version) {
        shown.delete(name);
      }
    }
  }

  list(): readonly ParkedResource[] {
    return [...this.#scopes.values()].flatMap((scope) => [...scope.shown.values()]);
  }

  #scope({ view, type }: Pick<ParkedResource, 'view' | 'type'>): Scope {
    const key = `${view}\n${type}`;
    let scope = this.#scopes.get(key);
    if (scope === undefined) {
      scope = new Scope();
      this.#scopes.set(key, scope);
      evictOldest(this.#scopes, this.#maxScopes);
    }
    return scope;
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
