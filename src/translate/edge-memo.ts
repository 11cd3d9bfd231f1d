import { isDeepStrictEqual } from 'node:util';
import type { Credentials } from '../model/credentials.ts';
import type { Host } from '../model/host.ts';
import type { Resource } from '../model/resource.ts';
import type { SecretSource } from '../model/secret-source.ts';
import { Answers } from './answers.ts';
import type { StreamRoute } from './envoy/gateway-listener.ts';
import type { HostRoutes } from './envoy/gateway-route.ts';
import type { RouteTargets } from './envoy/http-routes.ts';
import { Made, sameObjects } from './made.ts';
import type { EffectiveGateway, GatewayListener, GatewayRoutes, ServerRef } from './policy/gateway.ts';
import {
  type BoundService,
  differing,
  mayBind,
  type RoutedService,
  type VirtualServices,
} from './policy/virtual-services.ts';

/** A host of a route configuration, and what decides about it. */
export interface BoundHost {
  readonly host: Host;
  readonly here: readonly BoundService[];
  readonly httpsRedirect: boolean;
}

/** Where routes lead, and all that the answers can depend on: while these are the same objects, nobody asks again. */
export interface World {
  readonly targets: RouteTargets;
  readonly readFrom: readonly unknown[];
}

/** What was made for a host or a server, from what. */
interface Known<T> {
  readonly here: readonly BoundService[];
  readonly answers: Answers;
  readonly made: T;
}

interface KnownRoutes {
  readonly of: GatewayRoutes;
  readonly services: VirtualServices;
  readonly readFrom: readonly unknown[];
  readonly hosts: ReadonlyMap<Host, Known<HostRoutes>>;
  readonly list: readonly HostRoutes[];
}

/**
 * What one router's edge was made of, part by part: an edit makes anew the hosts and streams that it concerns, and all others are the
 * objects that they were. So what is built of those can be told by identity: to compare a thousand hosts by content would
 * cost as much as to build them.
 */
export class EdgeMemo {
  readonly #routes = new Map<string, KnownRoutes>();
  readonly #streams = new WeakMap<ServerRef, Known<readonly StreamRoute[]> & Pick<World, 'readFrom'>>();
  #difference:
    | { readonly before: VirtualServices; readonly after: VirtualServices; readonly services: readonly RoutedService[] }
    | undefined;
  #gateway: { readonly readFrom: readonly unknown[]; readonly effective: EffectiveGateway } | undefined;
  readonly virtualHosts = new Made<HostRoutes, Resource>();
  readonly routeConfigurations = new Made<readonly HostRoutes[], Resource>();
  readonly listeners = new Made<GatewayListener, Resource>();
  readonly credentials = new Made<readonly SecretSource[], Credentials>();

  /** The servers of a router. Of those that are what they were, the objects are, too. */
  gateway(readFrom: readonly unknown[], make: () => EffectiveGateway): EffectiveGateway {
    const before = this.#gateway;
    if (before !== undefined && sameObjects(before.readFrom, readFrom)) return before.effective;
    const made = make();
    const effective = before === undefined ? made : keeping(before.effective, made);
    this.#gateway = { readFrom, effective };
    const names = new Set(effective.routes.map(({ name }) => name));
    for (const name of this.#routes.keys()) if (!names.has(name)) this.#routes.delete(name);
    return effective;
  }

  /** The hosts of a route configuration; the same list where all are the same. `bind` finds those that there are now. */
  hosts(
    of: GatewayRoutes,
    services: VirtualServices,
    { targets, readFrom }: World,
    bind: () => readonly BoundHost[],
    make: (here: readonly BoundService[], targets: RouteTargets) => HostRoutes['routes'],
  ): readonly HostRoutes[] {
    const { name, servers } = of;
    const before = this.#routes.get(name);
    const sameWorld = before !== undefined && sameObjects(before.readFrom, readFrom);
    const answered = ({ answers }: Known<unknown>): boolean => sameWorld || answers.agreeWith(targets);
    if (before?.of === of && !mayBind(this.#differing(before.services, services), servers)) {
      if ([...before.hosts.values()].every(answered)) {
        this.#routes.set(name, { ...before, services, readFrom });
        return before.list;
      }
    }
    const hosts = new Map<Host, Known<HostRoutes>>();
    for (const { host, here, httpsRedirect } of bind()) {
      const known = before?.hosts.get(host);
      if (known !== undefined && holds(known, here, targets, sameWorld)) {
        const same = known.made.httpsRedirect === httpsRedirect;
        hosts.set(host, same ? known : { ...known, made: { ...known.made, httpsRedirect } });
      } else {
        const answers = new Answers(targets.port);
        hosts.set(host, { here, answers, made: { host, routes: make(here, answers.noting(targets)), httpsRedirect } });
      }
    }
    const made = [...hosts.values()].map((each) => each.made);
    const list = before !== undefined && sameObjects(before.list, made) ? before.list : made;
    this.#routes.set(name, { of, services, readFrom, hosts, list });
    return list;
  }

  /** Every route configuration asks the same after an edit. */
  #differing(before: VirtualServices, after: VirtualServices): readonly RoutedService[] {
    if (this.#difference?.before !== before || this.#difference.after !== after)
      this.#difference = { before, after, services: differing(before, after) };
    return this.#difference.services;
  }

  /** The streams of a server. */
  streams(
    server: ServerRef,
    here: readonly BoundService[],
    { targets, readFrom }: World,
    make: (targets: RouteTargets) => readonly StreamRoute[],
  ): readonly StreamRoute[] {
    const before = this.#streams.get(server);
    if (before !== undefined && holds(before, here, targets, sameObjects(before.readFrom, readFrom))) {
      this.#streams.set(server, { ...before, readFrom });
      return before.made;
    }
    const answers = new Answers(targets.port);
    const made = make(answers.noting(targets));
    this.#streams.set(server, { here, answers, made, readFrom });
    return made;
  }
}

function holds(
  { here, answers }: Known<unknown>,
  now: readonly BoundService[],
  targets: RouteTargets,
  sameWorld: boolean,
): boolean {
  return (
    here.length === now.length &&
    here.every((each, index) => isSame(each, now[index])) &&
    (sameWorld ? answers.port === targets.port : answers.agreeWith(targets))
  );
}

/** What VirtualServices came to is the same object as long as they and their delegates are. */
function isSame(a: BoundService, b: BoundService | undefined): boolean {
  return a.service === b?.service && a.http === b.http && a.port === b.port && sameObjects(a.gateways, b.gateways);
}

function keeping(before: EffectiveGateway, after: EffectiveGateway): EffectiveGateway {
  const routes = new Map(before.routes.map((each) => [each.name, each]));
  const known = new Map(before.listeners.map((each) => [keyOf(each), each]));
  const listeners = after.listeners.map((each) => keepingChains(known.get(keyOf(each)), each));
  return {
    ...after,
    listeners,
    routes: after.routes.map((each) => same(routes.get(each.name), each)),
    secrets: same(before.secrets, after.secrets),
  };
}

const keyOf = ({ bind, port }: GatewayListener): string => `${bind} ${port}`;

function keepingChains(before: GatewayListener | undefined, after: GatewayListener): GatewayListener {
  if (before === undefined) return after;
  const known = new Map(before.chains.map((each) => [each.name, each]));
  const chains = after.chains.map((each) => same(known.get(each.name), each));
  return sameObjects(before.chains, chains) ? before : { ...after, chains };
}

function same<T>(before: T | undefined, after: T): T {
  return before !== undefined && isDeepStrictEqual(before, after) ? before : after;
}
