import type { ViewId } from '../../model/ids.ts';
import { proxyName } from '../../model/proxy.ts';
import { types } from '../../model/type-urls.ts';
import type { StreamFacts } from './facts.ts';

/** One connected proxy, whatever number of streams it uses. */
export interface ProxyFacts {
  readonly id: string;
  /** `<pod>.<namespace>`. */
  readonly name: string;
  readonly view: ViewId;
  /** It has acknowledged everything up to this generation of the configuration. */
  readonly generation: number;
  /** Envoy's words about what it refused and doesn't hold; '' without any. */
  readonly refused: string;
  /** When it connected, ms since the epoch. */
  readonly connectedAt: number;
}

type TypeFacts = StreamFacts['types'][number];

/**
 * The proxies behind streams. The newest stream of a proxy counts, and of per-type streams the newest of each type. A proxy
 * that has not asked for listeners yet, as one does that is just starting, has acknowledged nothing.
 */
export function proxiesOf(streams: readonly StreamFacts[]): readonly ProxyFacts[] {
  const found = new Map<string, { stream: StreamFacts; types: Map<string, TypeFacts> }>();
  for (const stream of [...streams].sort((a, b) => a.connectedAt - b.connectedAt)) {
    const known = stream.aggregated ? undefined : found.get(stream.proxy.id);
    const merged = { stream, types: known?.types ?? new Map<string, TypeFacts>() };
    for (const each of stream.types) merged.types.set(each.type, each);
    found.set(stream.proxy.id, merged);
  }
  return [...found].map(([id, { stream, types: of }]) => {
    const all = [...of.values()];
    return {
      id,
      name: proxyName(stream.proxy),
      view: stream.view,
      generation: of.has(types.listener) ? Math.min(...all.map((each) => each.generation)) : 0,
      refused: all.find((each) => each.refused !== '')?.refused ?? '',
      connectedAt: stream.connectedAt,
    };
  });
}

/** How long a proxy that has just connected may take until it has everything for the first time. */
export const joinMs = 10_000;

/** Proxies that count, and when those that don't yet will. */
export interface Joined {
  readonly proxies: readonly ProxyFacts[];
  /** ms since the epoch; undefined where nobody is on the way. */
  readonly nextAt: number | undefined;
}

/**
 * Leaves out who has only just connected and has not got everything yet. In a large mesh somebody always starts, or moves from one replica
 * to another: that a policy holds must not be taken back for each of them.
 */
export function joined(proxies: readonly ProxyFacts[], now: number): Joined {
  const joining = (each: ProxyFacts): boolean =>
    each.generation === 0 && each.refused === '' && now - each.connectedAt < joinMs;
  const waiting = proxies.filter(joining);
  if (waiting.length === 0) return { proxies, nextAt: undefined };
  return {
    proxies: proxies.filter((each) => !joining(each)),
    nextAt: Math.min(...waiting.map((each) => each.connectedAt)) + joinMs,
  };
}
