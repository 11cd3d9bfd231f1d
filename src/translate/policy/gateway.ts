import type { Finding } from '../../model/finding.ts';
import type { Gateway, GatewayServer, ServerHost } from '../../model/gateway.ts';
import { byAge, compareText, objectKey } from '../../model/object.ts';
import { type SecretSource, secretResourceName } from '../../model/secret-source.ts';
import { selects } from '../../model/selector.ts';
import { all, type Snapshot } from '../../snapshot/snapshot.ts';
import { boundPorts, portsOf } from './gateway-ports.ts';
import { type TerminatedChain, terminatedChain } from './gateway-tls.ts';
import type { WorkloadFacts } from './inbound.ts';

/** A server of a Gateway, as VirtualServices bind to it. */
export interface ServerRef {
  /** `namespace/name`. */
  readonly gateway: string;
  /** The port as the Gateway writes it, which `match.port` of a VirtualService means. */
  readonly port: number;
  readonly hosts: readonly ServerHost[];
  readonly httpsRedirect: boolean;
}

/** What is done with the connections that one chain takes. */
export type ChainContent =
  /** Requests, routed by the route configuration of this name. */
  | { readonly kind: 'http'; readonly routes: string }
  /** Bytes; where to, TCP routes of VirtualServices say. */
  | { readonly kind: 'tcp'; readonly server: ServerRef }
  /** TLS as it is; where to, TLS routes of VirtualServices say by server name. */
  | { readonly kind: 'passthrough'; readonly server: ServerRef }
  /** Closed at once: a finding says why. It keeps its server names, or another chain would take their connections. */
  | { readonly kind: 'refused' };

/** One filter chain of a gateway's listener. */
export interface GatewayChain {
  readonly name: string;
  /** Server names that the client may ask for, sorted; empty: any, or none. Undefined: no TLS is expected. */
  readonly serverNames: readonly string[] | undefined;
  readonly content: ChainContent;
  /** Undefined: nothing is decrypted. */
  readonly tls: TerminatedChain | undefined;
}

/** One port of one address. */
export interface GatewayListener {
  /** Where Envoy listens; 0 for a socket of the file system. */
  readonly port: number;
  readonly bind: string;
  readonly chains: readonly GatewayChain[];
}

/** A route configuration, and the servers whose hosts it has. */
export interface GatewayRoutes {
  readonly name: string;
  readonly servers: readonly ServerRef[];
}

/** Everything that a router's edge depends on; VirtualServices fill the route configurations. */
export interface EffectiveGateway {
  readonly listeners: readonly GatewayListener[];
  readonly routes: readonly GatewayRoutes[];
  /** Secrets that the chains name, each once. */
  readonly secrets: readonly SecretSource[];
  readonly findings: readonly Finding[];
}

/** Ports that Envoy itself has on every proxy of ours. */
const ownPorts: ReadonlySet<number> = new Set([15000, 15020, 15021, 15090]);

const labelsOf = new WeakMap<Snapshot['gateways'], ReadonlySet<string>>();

/** The label keys by which Gateways choose routers; found once for each state of them. */
export function gatewayLabelsRead({ gateways }: Snapshot): ReadonlySet<string> {
  const found = labelsOf.get(gateways);
  if (found !== undefined) return found;
  const keys = new Set([...all(gateways)].flatMap(({ selector }) => Object.keys(selector.matchLabels)));
  labelsOf.set(gateways, keys);
  return keys;
}

/** The Gateways that choose a router by its labels, in any namespace, oldest first (behaviour.md 5.2). */
export function gatewaysOf(snapshot: Snapshot, router: Pick<WorkloadFacts, 'labels'>): readonly Gateway[] {
  return [...all(snapshot.gateways)].filter(({ selector }) => selects(selector, router.labels)).sort(byAge);
}

/**
 * Merges the servers of all Gateways of a router. On one port and address plaintext HTTP shares one route configuration, and
 * each TLS server has its chain; of two that can't both hold, the older one does, and a finding tells of the other.
 */
export function effectiveGateway(snapshot: Snapshot, router: WorkloadFacts): EffectiveGateway {
  const bound = boundPorts(snapshot, router);
  const ports = new Map<string, PortServers>();
  const findings: Finding[] = [];
  for (const gateway of gatewaysOf(snapshot, router)) {
    for (const server of gateway.servers) {
      for (const port of portsOf(server, bound)) {
        const bind = server.bind === '0.0.0.0' ? '' : server.bind;
        const key = `${bind} ${port}`;
        const here = ports.get(key) ?? new PortServers(port, bind);
        const finding = ownPorts.has(port)
          ? ownPort(gateway, server, port)
          : here.add(snapshot, router, gateway, server);
        findings.push(...finding);
        if (!here.empty) ports.set(key, here);
      }
    }
  }
  const sorted = [...ports.values()].sort((a, b) => a.port - b.port || compareText(a.bind, b.bind));
  const listeners = sorted.map((each) => each.listener());
  // A port that two Services lead to in two ways is bound twice, with the same routes.
  const routes = new Map(sorted.flatMap((each) => each.routes()).map((each) => [each.name, each]));
  return { listeners, routes: [...routes.values()], secrets: secretsOf(listeners), findings };
}

/** What is served on one port and address. */
class PortServers {
  readonly port: number;
  readonly bind: string;
  readonly #chains: GatewayChain[] = [];
  readonly #routes = new Map<string, ServerRef[]>();
  /** Server names that are taken, with who has them. */
  readonly #names = new Map<string, string>();
  #first: { readonly kind: 'http' | 'tls' | 'tcp'; readonly who: string } | undefined;

  constructor(port: number, bind: string) {
    this.port = port;
    this.bind = bind;
  }

  get empty(): boolean {
    return this.#first === undefined;
  }

  add(snapshot: Snapshot, router: WorkloadFacts, gateway: Gateway, server: GatewayServer): readonly Finding[] {
    const kind = server.protocol === 'HTTP' ? 'http' : server.protocol === 'TCP' ? 'tcp' : 'tls';
    const who = `${gateway.meta.namespace}/${gateway.meta.name}`;
    const first = this.#first;
    if (first !== undefined && (first.kind !== kind || kind === 'tcp')) {
      const reason = first.kind === kind ? 'and TCP can not be told apart' : `for ${words[first.kind]}`;
      return [conflict(gateway, server, 'port', `port ${this.port} is already ${first.who}'s, ${reason}`)];
    }
    const ref = refOf(gateway, server);
    if (kind === 'http') this.#addPlaintext(ref);
    else if (kind === 'tcp')
      this.#chains.push({
        name: this.#name('tcp', server, who),
        serverNames: undefined,
        content: { kind, server: ref },
        tls: undefined,
      });
    else {
      const taken = server.hosts.flatMap(({ host }) => (this.#names.has(host) ? [host] : []));
      const [host] = taken;
      if (host !== undefined)
        return [
          conflict(
            gateway,
            server,
            'hosts',
            `host ${host} is already ${this.#names.get(host) ?? ''}'s on port ${this.port}`,
          ),
        ];
      for (const each of server.hosts) this.#names.set(each.host, who);
      this.#first ??= { kind, who };
      return this.#addTls(snapshot, router, gateway, server, ref);
    }
    this.#first ??= { kind, who };
    return [];
  }

  #addPlaintext(ref: ServerRef): void {
    const name = `http.${this.port}${this.bind === '' ? '' : `.${this.bind}`}`;
    const known = this.#routes.get(name);
    if (known !== undefined) {
      known.push(ref);
      return;
    }
    this.#routes.set(name, [ref]);
    this.#chains.push({ name, serverNames: undefined, content: { kind: 'http', routes: name }, tls: undefined });
  }

  #addTls(
    snapshot: Snapshot,
    router: WorkloadFacts,
    gateway: Gateway,
    server: GatewayServer,
    ref: ServerRef,
  ): readonly Finding[] {
    const http = server.protocol === 'HTTPS';
    const { tls } = server;
    const who = `${gateway.meta.namespace}/${gateway.meta.name}`;
    const name = this.#name(http ? 'https' : 'tls', server, who);
    const serverNames = serverNamesOf(server.hosts);
    const put = (content: ChainContent, chain?: TerminatedChain): void => {
      this.#chains.push({ name, serverNames, content, tls: chain });
    };
    if (tls === undefined || tls.mode === 'AUTO_PASSTHROUGH') {
      put({ kind: 'refused' });
      return [autoPassthrough(gateway, server)];
    }
    if (tls.mode === 'PASSTHROUGH') {
      put({ kind: 'passthrough', server: ref });
      return [];
    }
    const { chain, problems } = terminatedChain(snapshot, router.namespace, tls);
    if (problems.length > 0) {
      put({ kind: 'refused' });
      return problems.map(({ code, field, message, hint }) =>
        finding(gateway, server, code, `tls.${field}`, `${message}: connections to this server are closed`, hint),
      );
    }
    if (http) {
      this.#routes.set(name, [ref]);
      put({ kind: 'http', routes: name }, chain);
    } else put({ kind: 'tcp', server: ref }, chain);
    return [];
  }

  /** Names with the port as the Gateway writes it, as people know them (behaviour.md 5.2). */
  #name(prefix: string, { port, portName }: GatewayServer, who: string): string {
    const [namespace, gateway] = who.split('/');
    const bind = this.bind === '' ? '' : `.${this.bind}`;
    return `${prefix}.${port}.${portName}.${gateway}.${namespace}${bind}`;
  }

  listener(): GatewayListener {
    return { port: this.port, bind: this.bind, chains: this.#chains };
  }

  routes(): readonly GatewayRoutes[] {
    return [...this.#routes].map(([name, servers]) => ({ name, servers }));
  }
}

const words = { http: 'plaintext HTTP', tls: 'TLS', tcp: 'TCP' } as const;

const refs = new WeakMap<GatewayServer, ServerRef>();

/** The same object for the same server: what was made for it is known by that. */
function refOf({ meta }: Gateway, server: GatewayServer): ServerRef {
  const gateway = `${meta.namespace}/${meta.name}`;
  const known = refs.get(server);
  if (known?.gateway === gateway) return known;
  const { port, hosts, httpsRedirect } = server;
  const ref = { gateway, port, hosts, httpsRedirect };
  refs.set(server, ref);
  return ref;
}

/** `*` is any server name, also none. */
function serverNamesOf(hosts: readonly ServerHost[]): readonly string[] {
  const names = [...new Set(hosts.map(({ host }) => host))].sort(compareText);
  return names.includes('*') ? [] : names;
}

function secretsOf(listeners: readonly GatewayListener[]): readonly SecretSource[] {
  const found = new Map<string, SecretSource>();
  for (const { chains } of listeners) {
    for (const { tls } of chains) {
      if (tls === undefined || tls.certificates === 'mesh') continue;
      for (const source of tls.certificates) found.set(secretResourceName(source), source);
      if (tls.authorities !== undefined && tls.authorities !== 'mesh')
        found.set(secretResourceName(tls.authorities), tls.authorities);
    }
  }
  return [...found].sort(([a], [b]) => compareText(a, b)).map(([, source]) => source);
}

function finding(
  gateway: Gateway,
  { index }: GatewayServer,
  code: string,
  field: string,
  message: string,
  hint: string,
): Finding {
  return {
    severity: 'error',
    code,
    object: objectKey(gateway),
    origin: gateway.meta.origin,
    field: `spec.servers[${index}].${field}`,
    message,
    hint,
  };
}

const conflict = (gateway: Gateway, server: GatewayServer, field: string, message: string): Finding =>
  finding(gateway, server, 'gateway-conflict', field, `${message}: this server is left out`, 'the older Gateway holds');

const ownPort = (gateway: Gateway, server: GatewayServer, port: number): readonly Finding[] => [
  finding(
    gateway,
    server,
    'gateway-conflict',
    'port.number',
    `port ${port} is Envoy's own on every proxy of the mesh: this server is left out`,
    'take another target port',
  ),
];

const autoPassthrough = (gateway: Gateway, server: GatewayServer): Finding =>
  finding(
    gateway,
    server,
    'not-supported',
    'tls.mode',
    'AUTO_PASSTHROUGH joins meshes of several clusters, which this version does not: connections to this server are closed',
    'to pass on TLS by its server name, write PASSTHROUGH and a VirtualService with tls routes',
  );
