import type { Finding } from '../../model/finding.ts';
import { anyRequest, matchesAll, type RequestMatch } from '../../model/http-match.ts';
import { ipBlockText } from '../../model/ip-block.ts';
import {
  anyAudience,
  type ConnectionMatch,
  type HttpMatch,
  type RouteAudience,
  type VirtualService,
} from '../../model/virtual-service.ts';
import { lintFinding, type World } from './world.ts';

/** Routes from which others of the same object take everything: the first that matches decides (behaviour.md 5.7). */
export function lintRouteOrder({ virtualServices }: World): readonly Finding[] {
  return virtualServices.flatMap(unreached);
}

function unreached(service: VirtualService): readonly Finding[] {
  const found: Finding[] = [];
  const before = new Earlier();
  for (const [index, { matches, action }] of service.http.entries()) {
    const all = matches.length === 0 ? [everything] : matches;
    const takers = all.map((match) => before.takes(match));
    const hidden = takers.flatMap((taker, place) => (taker === undefined ? [] : [{ taker, place }]));
    for (const { taker, place } of hidden.length === all.length ? hidden.slice(0, 1) : hidden) {
      const field = hidden.length === all.length ? `spec.http[${index}]` : `spec.http[${index}].match[${place}]`;
      const message = `is never reached: http[${taker}] takes all such requests before it`;
      found.push(lintFinding('warning', 'unreachable-route', service, field, message, 'move it up, or remove it'));
    }
    // What a delegate leaves open goes on to the next route.
    if (action.kind !== 'delegate') for (const match of all) before.add(match, index);
  }
  for (const kind of ['tls', 'tcp'] as const) found.push(...sameConnections(service, kind));
  return found;
}

const everything: HttpMatch = { ...anyAudience, name: '', statPrefix: '', request: anyRequest };

const audienceKey = ({ gateways, sourceLabels, sourceNamespace, port }: RouteAudience): string =>
  JSON.stringify([[...gateways].sort(), Object.entries(sourceLabels).sort(), sourceNamespace, port]);
const anybody = audienceKey(anyAudience);

/** The matches before one: those alike, those of all requests, and those of a prefix alone. */
class Earlier {
  readonly #alike = new Map<string, number>();
  readonly #whole = new Map<string, number>();
  readonly #prefixes: {
    readonly audience: string;
    readonly prefix: string;
    readonly anyCase: boolean;
    readonly route: number;
  }[] = [];

  /** The route that takes all that `match` would. */
  takes({ request, ...audience }: HttpMatch): number | undefined {
    const key = audienceKey(audience);
    for (const each of [anybody, key]) {
      const route = this.#whole.get(each) ?? this.#alike.get(`${each} ${requestKey(request)}`);
      if (route !== undefined) return route;
    }
    const { uri, ignoreUriCase } = request;
    if (uri?.kind !== 'exact' && uri?.kind !== 'prefix') return undefined;
    const lower = uri.value.toLowerCase();
    return this.#prefixes.find(
      ({ audience: whom, prefix, anyCase }) =>
        (whom === anybody || whom === key) &&
        (anyCase ? lower.startsWith(prefix.toLowerCase()) : !ignoreUriCase && uri.value.startsWith(prefix)),
    )?.route;
  }

  add({ request, ...more }: HttpMatch, route: number): void {
    const audience = audienceKey(more);
    const put = (known: Map<string, number>, key: string): void => {
      if (!known.has(key)) known.set(key, route);
    };
    put(this.#alike, `${audience} ${requestKey(request)}`);
    if (matchesAll(request)) put(this.#whole, audience);
    const { uri, ignoreUriCase: anyCase, ...others } = request;
    if (uri?.kind === 'prefix' && matchesAll({ ...others, uri: undefined, ignoreUriCase: false }))
      this.#prefixes.push({ audience, prefix: uri.value, anyCase, route });
  }
}

const requestKey = (request: RequestMatch): string => JSON.stringify(request);

/** Envoy has one chain for connections alike: the first route gets them. */
function sameConnections(service: VirtualService, kind: 'tls' | 'tcp'): readonly Finding[] {
  const taken = new Map<string, number>();
  return service[kind].flatMap(({ matches }, index) => {
    const keys = (matches.length === 0 ? [anyConnection] : matches).flatMap(connectionKeys);
    const older = keys.map((key) => taken.get(key)).find((route) => route !== undefined);
    for (const key of keys) if (!taken.has(key)) taken.set(key, index);
    if (older === undefined) return [];
    const message = `connections of this route are already those of ${kind}[${older}], which comes first`;
    return [lintFinding('warning', 'unreachable-route', service, `spec.${kind}[${index}]`, message, 'remove one')];
  });
}

const anyConnection: ConnectionMatch = { ...anyAudience, sniHosts: [], destinationSubnets: [], sourceSubnets: [] };

function connectionKeys({
  sniHosts,
  destinationSubnets,
  sourceSubnets,
  ...audience
}: ConnectionMatch): readonly string[] {
  const orAny = (texts: readonly string[]): readonly string[] => (texts.length === 0 ? [''] : texts);
  const [to, from] = [destinationSubnets, sourceSubnets].map((blocks) => orAny(blocks.map(ipBlockText)));
  return orAny(sniHosts).flatMap((name) =>
    (to ?? []).flatMap((block) => (from ?? []).map((source) => [audienceKey(audience), name, block, source].join(' '))),
  );
}
