import type { TypeUrl, ViewId } from '../model/ids.ts';
import type { ErrorDetail } from './request.ts';
import type { ParkedNames, Payload } from './state.ts';

/**
 * One resource that was refused. Who refused it doesn't get it again until its content changes; once two proxies of a view
 * did, none of the view does. One alone can't keep a policy from its replicas: it may have been taken over.
 */
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

/** How many proxies have to refuse a resource for it to be kept from all of their view. */
const witnesses = 2;

interface Refusal {
  readonly version: string;
  readonly by: readonly string[];
}

class Scope {
  /** Refused versions by name, the latest first: content that comes back is not tried again. */
  readonly refused = new Map<string, readonly Refusal[]>();
  /** What is out at present, to be shown. */
  readonly shown = new Map<string, ParkedResource>();

  has(name: string, version: string, proxy: string): boolean {
    const by = this.refused.get(name)?.find((each) => each.version === version)?.by ?? [];
    return by.length >= witnesses || by.includes(proxy);
  }
}

/** The refused resources of all views (architecture, decision 11). */
export class Parking {
  readonly #scopes = new Map<string, Scope>();
  readonly #maxScopes: number;

  constructor(maxScopes = 4096) {
    this.#maxScopes = maxScopes;
  }

  /** What is kept from one proxy of a view. */
  of(view: ViewId, type: TypeUrl, proxy: string): ParkedNames {
    const scope = this.#scopes.get(`${view}\n${type}`);
    if (scope === undefined) {
      return nothingParked;
    }
    return { size: scope.refused.size, has: (name, version) => scope.has(name, version, proxy) };
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
    const others = scope.refused.get(name) ?? [];
    const refusal = others.find((each) => each.version === version);
    const by = [...new Set([...(refusal?.by ?? []), proxy])].slice(0, maxProxies);
    const rest = others.filter((each) => each !== refusal);
    scope.refused.set(name, [{ version, by }, ...rest].slice(0, maxVersions));
    evictOldest(scope.refused, maxPerScope);
    evictOldest(scope.shown, maxPerScope);
    return refusal === undefined;
  }

  /** A proxy of the view took other content under a parked name: nothing is out any more. */
  accepted(view: ViewId, type: TypeUrl, payload: Pick<Payload, 'content' | 'version'>): void {
    const shown = this.#scopes.get(`${view}\n${type}`)?.shown;
    if (shown === undefined || shown.size === 0) {
      return;
    }
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
