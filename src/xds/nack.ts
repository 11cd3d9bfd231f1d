import type { TypeUrl, ViewId } from '../model/ids.ts';
import type { ErrorDetail } from './request.ts';
import type { ParkedNames, Payload } from './state.ts';

/** One resource that some proxies of a view refused, as it is shown to people. */
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

/** How many refused resources are remembered per type, versions of each, and proxies that are named for each. */
const maxPerType = 1024;
const maxVersions = 4;
const maxProxies = 16;

const nothingRefused: ParkedNames = { size: 0, has: () => false };

/**
 * What one stream's client refused: it doesn't get that again until the content changes. Nobody else is kept from it: a
 * proxy that was taken over could otherwise refuse a policy in the name of its replicas.
 */
export class Refusals {
  /** Refused versions by name, the latest first: content that comes back is not tried again. */
  readonly #byType = new Map<TypeUrl, Map<string, readonly string[]>>();

  of(type: TypeUrl): ParkedNames {
    const names = this.#byType.get(type);
    if (names === undefined) {
      return nothingRefused;
    }
    return { size: names.size, has: (name, version) => names.get(name)?.includes(version) === true };
  }

  add(type: TypeUrl, name: string, version: string): void {
    const names = this.#byType.get(type) ?? new Map<string, readonly string[]>();
    this.#byType.set(type, names);
    names.set(name, [...new Set([version, ...(names.get(name) ?? [])])].slice(0, maxVersions));
    evictOldest(names, maxPerType);
  }
}

/** What is refused at present, by views: for status pages, and to log each refusal once (architecture, decision 11). */
export class Parking {
  readonly #scopes = new Map<string, Map<string, ParkedResource>>();
  readonly #maxScopes: number;

  constructor(maxScopes = 4096) {
    this.#maxScopes = maxScopes;
  }

  /** Returns whether nobody of the view had refused that before, so that it's logged once. */
  park(where: Omit<ParkedResource, 'proxies' | 'message'>, proxy: string, error: ErrorDetail): boolean {
    const { name, version } = where;
    const shown = this.#scope(where);
    const known = shown.get(name);
    const same = known?.version === version ? known : undefined;
    const proxies = [...new Set([...(same?.proxies ?? []), proxy])].slice(0, maxProxies);
    shown.set(name, { ...where, message: error.message, ...same, proxies });
    evictOldest(shown, maxPerType);
    return same === undefined;
  }

  /** A proxy of the view took other content under that name: nothing is out any more. */
  accepted(view: ViewId, type: TypeUrl, payload: Pick<Payload, 'content' | 'version'>): void {
    const shown = this.#scopes.get(`${view}\n${type}`);
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
    return [...this.#scopes.values()].flatMap((shown) => [...shown.values()]);
  }

  #scope({ view, type }: Pick<ParkedResource, 'view' | 'type'>): Map<string, ParkedResource> {
    const key = `${view}\n${type}`;
    const scope = this.#scopes.get(key) ?? new Map<string, ParkedResource>();
    this.#scopes.set(key, scope);
    evictOldest(this.#scopes, this.#maxScopes);
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
