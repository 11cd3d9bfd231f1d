import type { Mesh } from '../model/mesh.ts';
import type { Proxy } from '../model/proxy.ts';
import { emptyLayer, type Layer, type Resource } from '../model/resource.ts';
import type { BuildCache } from './cache.ts';
import { fixedClusters } from './envoy/cluster.ts';
import { connectionSettings } from './envoy/http-connection-manager.ts';
import { unknownCluster } from './envoy/names.ts';
import {
  type BoundListener,
  boundListener,
  httpPortListener,
  virtualOutboundListener,
} from './envoy/outbound-listener.ts';
import { layer } from './envoy/resource.ts';
import { discoveredRoutes, inlineRoutes, type ServiceRoute, virtualHostResource } from './envoy/route.ts';
import { sharedPortListener } from './envoy/shared-listener.ts';
import { firstOfName, inPrecedence, withoutClashes } from './first-come.ts';
import { changedParts, layerParts, type OutboundPart, outboundParts } from './outbound-parts.ts';
import type { CredentialCluster, Hosts, ServiceUnit } from './service-unit.ts';
import { hasBlocks, samePlaces, sharedPorts } from './shared-ports.ts';

/** What most meshes have: no rule names a file. */
const noSecrets = emptyLayer('secrets/outbound');

/** What else than services decides about an outbound side. */
export interface OutboundSettings {
  /** The cluster for traffic to what isn't among the services. */
  readonly unknown?: string;
  /** Ports that applications connect to themselves. */
  readonly bound?: readonly Omit<BoundListener, 'settings'>[];
}

/**
 * The outbound side of clients that see every service alike: all of them, but for those in whose namespaces other rules hold. Only
 * the short names of services depend on who asks. A layer keeps its identity while its content is the same, and where
 * it is the same as that of `shared`, it is the same object.
 */
export class Outbound {
  readonly #cache: BuildCache;
  readonly #mesh: Mesh;
  readonly #shared: Outbound | undefined;
  readonly #units = new Map<string, ServiceUnit>();
  #clusters: Layer = emptyLayer('clusters/outbound');
  #endpoints: Layer = emptyLayer('endpoints/outbound');
  #secrets: Layer = noSecrets;
  #credentials: readonly CredentialCluster[] = [];
  #listeners: Layer = emptyLayer('listeners/outbound');
  #routes: Layer = emptyLayer('routes/outbound');
  #httpPorts: readonly number[] = [];
  #unknown: string;
  #sorted: readonly ServiceUnit[] | undefined;
  #bound: NonNullable<OutboundSettings['bound']> = [];
  #virtualHosts = new Map<string, Layer>();
  /** Before the last change, until somebody asks for those after it. */
  #formerHosts = new Map<string, Layer>();
  readonly #inlineRoutes = new Map<string, Layer>();

  constructor(cache: BuildCache, mesh: Mesh, shared?: Outbound) {
    this.#cache = cache;
    this.#mesh = mesh;
    this.#shared = shared;
    this.#unknown = unknownCluster(mesh.outboundTrafficPolicy);
    this.#assemble(new Set(outboundParts));
  }

  get clusters(): Layer {
    return this.#clusters;
  }

  get endpoints(): Layer {
    return this.#endpoints;
  }

  /** Certificates that rules name as files. */
  get secrets(): Layer {
    return this.#secrets;
  }

  /** The clusters that name Secrets of the client's namespace. */
  get credentials(): readonly CredentialCluster[] {
    return this.#credentials;
  }

  get listeners(): Layer {
    return this.#listeners;
  }

  /** For clients with VHDS: the shells of HTTP ports, and the routes of sniffed ports. */
  get routes(): Layer {
    return this.#routes;
  }

  get units(): ReadonlyMap<string, ServiceUnit> {
    return this.#units;
  }

  /** The virtual hosts as clients of a namespace name them. */
  virtualHosts(namespace: string): Layer {
    const build = (): Layer => {
      const former = this.#formerHosts.get(namespace);
      this.#formerHosts.delete(namespace);
      return layer(`virtual-hosts/${namespace}`, this.#discoveredHosts(namespace), former);
    };
    return this.#perNamespace(this.#virtualHosts, namespace, () =>
      sharing(this.#shared?.virtualHosts(namespace), build()),
    );
  }

  /** The same, whole, with the routes of sniffed ports. */
  inlineRoutes(namespace: string): Layer {
    const build = (): Layer => {
      const byPort = new Map<number, ServiceRoute[]>(this.#httpPorts.map((port) => [port, []]));
      for (const route of withoutClashes(this.#hosts(namespace).flatMap(({ routes }) => routes)))
        byPort.get(route.port)?.push(route);
      const whole = [...byPort].map(([port, routes]) => inlineRoutes(port, routes, this.#unknown));
      return layer(`routes/${namespace}`, [...whole, ...[...this.#units.values()].flatMap((unit) => unit.routes)]);
    };
    return this.#perNamespace(this.#inlineRoutes, namespace, () =>
      sharing(this.#shared?.inlineRoutes(namespace), build()),
    );
  }

  /** Puts (or, with `undefined`, removes) services, and tells which parts changed. */
  set(
    units: ReadonlyMap<string, ServiceUnit | undefined>,
    { unknown = this.#unknown, bound = this.#bound }: OutboundSettings = {},
  ): ReadonlySet<OutboundPart> {
    this.#replaceSorted(units);
    const dirty = new Set<OutboundPart>(unknown === this.#unknown ? [] : ['listeners', 'routes']);
    if (JSON.stringify(bound) !== JSON.stringify(this.#bound)) dirty.add('listeners');
    this.#unknown = unknown;
    this.#bound = bound;
    let moved = false;
    for (const [key, after] of units) {
      const before = this.#units.get(key);
      if (after === undefined) this.#units.delete(key);
      else this.#units.set(key, after);
      moved ||= !samePlaces(before?.httpAt, after?.httpAt);
      for (const part of changedParts(before, after))
        if (part !== 'virtualHosts' || this.#shows(before ?? after)) dirty.add(part);
    }
    if (moved && hasBlocks(this.#units.values())) dirty.add('listeners');
    return this.#assemble(dirty);
  }

  /** Which parts a client gets in another form here than from `other`. */
  differences(other: Outbound, namespace: string, routes: Proxy['routes']): readonly OutboundPart[] {
    const hosts = (side: Outbound): Layer =>
      routes === 'vhds' ? side.virtualHosts(namespace) : side.inlineRoutes(namespace);
    return outboundParts.filter((part) =>
      part === 'virtualHosts' ? hosts(this) !== hosts(other) : this[part] !== other[part],
    );
  }

  /** A name that no registry knows shows where somebody listens, whose coming changes the hosts by itself. */
  #shows(unit: ServiceUnit | undefined): boolean {
    return unit?.service.registry !== 'none' || unit.hosts.routes.some(({ port }) => this.#httpPorts.includes(port));
  }

  /** What is sorted stays so: only what changed has to find its place. */
  #replaceSorted(units: ReadonlyMap<string, ServiceUnit | undefined>): void {
    if (this.#sorted === undefined) return;
    const gone = new Set([...units.keys()].flatMap((key) => this.#units.get(key) ?? []));
    const came = [...units.values()].filter((each) => each !== undefined);
    this.#sorted = inPrecedence([...this.#sorted.filter((each) => !gone.has(each)), ...came]);
  }

  /** Sorted once for all that ask after a change: each namespace of clients does. */
  #inOrder(): readonly ServiceUnit[] {
    this.#sorted ??= inPrecedence(this.#units.values());
    return this.#sorted;
  }

  #hosts(namespace: string): readonly Hosts[] {
    return this.#inOrder().map((unit) => hostsFor(unit, namespace));
  }

  #discoveredHosts(namespace: string): readonly Resource[] {
    const hosts = this.#hosts(namespace);
    const built = new Map(
      hosts.flatMap(({ routes, virtualHosts }) => routes.map((route, index) => [route, virtualHosts[index]] as const)),
    );
    const ports = new Set(this.#httpPorts);
    return withoutClashes([...built.keys()].filter(({ port }) => ports.has(port))).map(
      (route) => built.get(route) ?? this.#cache.get('virtualHost', route, virtualHostResource),
    );
  }

  #assemble(dirty: Set<OutboundPart>): ReadonlySet<OutboundPart> {
    const units = [...this.#units.values()];
    const before = Object.fromEntries(layerParts.map((part) => [part, this[part]] as const));
    if (dirty.has('virtualHosts')) {
      const ports = new Set(units.flatMap((unit) => portsOf(unit)));
      const sorted = [...ports].sort((a, b) => a - b);
      if (sorted.join() !== this.#httpPorts.join()) {
        this.#httpPorts = sorted;
        dirty.add('listeners').add('routes');
      }
    }
    if (dirty.has('clusters')) {
      this.#clusters = this.#layer('clusters', [...fixedClusters(), ...units.flatMap((unit) => unit.clusters)]);
    }
    if (dirty.has('endpoints')) {
      this.#endpoints = this.#layer(
        'endpoints',
        units.flatMap((unit) => unit.endpoints),
      );
    }
    if (dirty.has('secrets')) {
      this.#secrets = this.#layer(
        'secrets',
        units.flatMap((unit) => unit.secrets),
      );
    }
    if (dirty.has('credentials')) this.#credentials = units.flatMap((unit) => unit.credentials);
    if (dirty.has('listeners')) {
      const settings = connectionSettings(this.#mesh);
      this.#listeners = this.#layer('listeners', [
        this.#cache.get('virtualOutbound', { unknown: this.#unknown, settings }, virtualOutboundListener),
        // First what the client's own Sidecar binds: anybody's service may have an address of the loopback.
        ...firstOfName([
          ...this.#boundListeners(),
          ...this.#sharedListeners(),
          ...this.#inOrder().flatMap((unit) => unit.listeners),
        ]),
      ]);
    }
    if (dirty.has('routes')) {
      this.#routes = this.#layer('routes', [
        ...this.#httpPorts.map((port) =>
          this.#cache.get('discoveredRoutes', { port, unknown: this.#unknown }, (key) =>
            discoveredRoutes(key.port, key.unknown),
          ),
        ),
        ...units.flatMap((unit) => unit.routes),
      ]);
    }
    for (const part of layerParts) if (this[part] === before[part]) dirty.delete(part);
    if (dirty.has('virtualHosts')) {
      this.#formerHosts = this.#virtualHosts;
      this.#virtualHosts = new Map();
    }
    if (dirty.has('virtualHosts') || dirty.has('routes')) this.#inlineRoutes.clear();
    return dirty;
  }

  /** Where nobody has HTTP there is no route table to ask. */
  #boundListeners(): readonly Resource[] {
    const settings = connectionSettings(this.#mesh);
    return this.#bound.map(({ address, port, to }) => {
      const routed = to.kind === 'tcp' || this.#httpPorts.includes(port);
      const key = {
        address,
        port,
        to: routed ? to : ({ kind: 'tcp', host: undefined, tunnel: undefined } as const),
        settings,
      };
      return this.#cache.get('boundListener', key, boundListener);
    });
  }

  /** The listeners of ports, not of addresses. */
  #sharedListeners(): readonly Resource[] {
    const settings = connectionSettings(this.#mesh);
    return sharedPorts(this.#inOrder(), this.#httpPorts).map((shared) => {
      const { port, claims } = shared;
      if (claims.length === 0) return this.#cache.get('httpListener', { port, settings }, httpPortListener);
      return this.#cache.get('sharedListener', { ...shared, unknown: this.#unknown, settings }, sharedPortListener);
    });
  }

  #layer(part: (typeof layerParts)[number], resources: readonly Resource[]): Layer {
    if (part === 'secrets' && resources.length === 0) return noSecrets;
    const built = layer(`${part}/outbound`, resources, this[part]);
    const shared = sharing(this.#shared?.[part], built);
    return shared === built ? sharing(this[part], built) : shared;
  }

  #perNamespace(known: Map<string, Layer>, namespace: string, build: () => Layer): Layer {
    const found = known.get(namespace);
    if (found !== undefined) return found;
    const built = build();
    known.set(namespace, built);
    return built;
  }
}

/** The shared layer, where there is one with the same content; so that nobody looks for differences. */
function sharing(shared: Layer | undefined, own: Layer): Layer {
  if (shared?.resources.size !== own.resources.size) return own;
  for (const [name, { version }] of own.resources) if (shared.resources.get(name)?.version !== version) return own;
  return shared;
}

function hostsFor(unit: ServiceUnit, namespace: string): Hosts {
  return unit.hostsFrom.get(namespace) ?? unit.hosts;
}

/** The ports on which clients must listen for it. A name that no registry knows has routes only where somebody listens anyway. */
function portsOf({ service, hosts }: ServiceUnit): readonly number[] {
  return service.registry === 'none' ? [] : hosts.routes.map(({ port }) => port);
}
