import { encode } from '@envoyproxy/protos';
import { types } from '../../src/model/type-urls.ts';
import type { Workload } from '../../src/model/workload.ts';
import { GrpcConnection } from './bench-h2.ts';
import {
  type BenchResponse,
  deltaRequest,
  eachEntry,
  encodeNames,
  type NameList,
  noNames,
  type ResponseReader,
} from './bench-response.ts';

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const filterNames = encodeNames(['coxswain.http.rbac.allow', 'coxswain.http.rbac.deny']);
/** The order in which Envoy comes to subscribe to each type, which is also the order of its requests when it reconnects. */
const order = [types.cluster, types.endpoint, types.listener, types.route, types.extension, types.virtualHost] as const;

/** What clients have in common. */
export interface BenchShared {
  readonly reader: ResponseReader;
  readonly port: () => number;
  /** A response was read and its ACK written. */
  readonly answered: (client: BenchClient, response: BenchResponse, bytes: number) => void;
  readonly sent: (bytes: number) => void;
  /** A server that had answered ended the stream: whether the client comes again at once, with what it holds. */
  readonly ended: (client: BenchClient) => boolean;
  /** Encoded initial_resource_versions that were asked for before: clients of a view hold the same. */
  readonly held: Map<string, Buffer>;
}

/** What a client holds of one type: the first response, and what came after it, by name (null: removed). */
interface Held {
  readonly base: BenchResponse;
  readonly since: Map<string, Buffer | null>;
}

/**
 * Does on the wire what Envoy 1.40 does on a delta ADS stream: clusters, then endpoints by the clusters' names, then
 * listeners, then what listeners name; and after a reconnect everything at once, with the versions it holds.
 */
export class BenchClient {
  readonly index: number;
  readonly #node: Uint8Array;
  readonly #shared: BenchShared;
  readonly #held = new Map<string, Held>();
  readonly #asked = new Set<string>();
  readonly #routes = new Set<string>();
  #endpoints: NameList = noNames;
  readonly #endpointsSince = new Map<string, boolean>();
  #connection: GrpcConnection | undefined;
  #prepared: readonly Buffer[] = [];
  #retries = 5;
  /** Why the connection ended without being asked to. */
  failure = '';

  constructor(index: number, workload: Workload, shared: BenchShared) {
    this.index = index;
    this.#shared = shared;
    this.#node = nodeOf(workload);
  }

  /** Has an answer for every type. */
  get ready(): boolean {
    return order.every((type) => this.#held.has(type));
  }

  /** A first connection: nothing is held. */
  connect(): void {
    this.close();
    this.#held.clear();
    this.#asked.clear();
    this.#routes.clear();
    this.#endpoints = noNames;
    this.#endpointsSince.clear();
    this.#open();
    this.#ask(types.cluster, { node: this.#node });
    this.#connection?.flush();
  }

  /** Builds the requests of a reconnect before the clock runs. */
  prepare(): void {
    this.#prepared = order.map((type) => {
      const node = type === types.cluster ? { node: this.#node } : {};
      return deltaRequest({ type, ...node, ...this.#subscription(type), initial: this.#versions(type) });
    });
  }

  /** After {@link prepare}: everything at once on a new stream. */
  reconnect(): void {
    this.#open();
    for (const request of this.#prepared) this.#send(request);
    this.#prepared = [];
    this.#connection?.flush();
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** A thousand at once overflow the kernel's queue of new connections, and it resets some: those try again, as Envoy does. */
  #open(): void {
    let answered = false;
    const prepared = this.#prepared;
    const closed = (reason: string): void => {
      if (answered && this.#shared.ended(this)) {
        this.close();
        this.prepare();
        this.reconnect();
        return;
      }
      const again = !answered && reason.includes('ECONNRESET') && this.#retries > 0;
      if (!again) {
        this.failure = reason;
        return;
      }
      this.#retries -= 1;
      if (prepared.length === 0) {
        this.connect();
      } else {
        this.#prepared = prepared;
        this.reconnect();
      }
    };
    this.#connection = new GrpcConnection(this.#shared.port(), path, {
      message: (bytes) => {
        answered = true;
        this.#take(bytes);
      },
      closed,
    });
  }

  #send(request: Buffer): void {
    this.#shared.sent(request.length - 5);
    this.#connection?.send(request);
  }

  #ask(type: string, parts: Omit<Parameters<typeof deltaRequest>[0], 'type'> = {}): void {
    this.#asked.add(type);
    this.#send(deltaRequest({ type, ...parts }));
  }

  #take(bytes: Buffer): void {
    const response = this.#shared.reader.read(bytes);
    this.#keep(response);
    switch (response.type) {
      case types.cluster:
        this.#followClusters(response);
        break;
      case types.endpoint:
        if (!this.#asked.has(types.listener)) this.#ask(types.listener);
        break;
      case types.listener:
        this.#followListeners(response);
        break;
      case types.route:
        if (!this.#asked.has(types.virtualHost)) this.#ask(types.virtualHost);
        break;
      default:
        break;
    }
    this.#send(response.ack);
    this.#connection?.flush();
    this.#shared.answered(this, response, bytes.length);
  }

  #keep(response: BenchResponse): void {
    const held = this.#held.get(response.type);
    if (held === undefined) {
      this.#held.set(response.type, { base: response, since: new Map() });
      return;
    }
    if (response.count > 0) eachEntry(response.entries, (name, entry) => held.since.set(name, entry));
    for (const name of response.removed) held.since.set(name, null);
  }

  #followClusters(response: BenchResponse): void {
    if (!this.#asked.has(types.endpoint)) {
      this.#endpoints = response.endpointNames;
      this.#ask(types.endpoint, { subscribe: this.#endpoints.encoded });
      return;
    }
    const knows = (name: string): boolean => this.#endpointsSince.get(name) ?? this.#endpoints.names.has(name);
    const added = [...response.endpointNames.names].filter((name) => !knows(name));
    const gone = response.removed.filter(knows);
    for (const name of added) this.#endpointsSince.set(name, true);
    for (const name of gone) this.#endpointsSince.set(name, false);
    if (added.length + gone.length === 0) return;
    const subscribe = added.length > 0 ? { subscribe: encodeNames(added) } : {};
    this.#ask(types.endpoint, { ...subscribe, ...(gone.length > 0 ? { unsubscribe: gone } : {}) });
  }

  /** Listeners of HTTP ports are named `0.0.0.0_<port>`, and their route configuration `<port>` (product.md). */
  #followListeners(response: BenchResponse): void {
    const routes = response.listeners
      .filter((name) => name.startsWith('0.0.0.0_'))
      .map((name) => name.slice('0.0.0.0_'.length))
      .filter((name) => !this.#routes.has(name));
    for (const name of routes) this.#routes.add(name);
    if (routes.length > 0) this.#ask(types.route, { subscribe: encodeNames(routes) });
    if (!this.#asked.has(types.extension)) this.#ask(types.extension, { subscribe: filterNames });
  }

  #subscription(type: string): { readonly subscribe?: Uint8Array } {
    switch (type) {
      case types.endpoint: {
        if (this.#endpointsSince.size === 0) return { subscribe: this.#endpoints.encoded };
        const names = new Set(this.#endpoints.names);
        for (const [name, on] of this.#endpointsSince) {
          if (on) names.add(name);
          else names.delete(name);
        }
        return { subscribe: encodeNames(names) };
      }
      case types.route:
        return { subscribe: encodeNames(this.#routes) };
      case types.extension:
        return { subscribe: filterNames };
      default:
        return {};
    }
  }

  #versions(type: string): Buffer {
    const held = this.#held.get(type);
    if (held === undefined) return Buffer.alloc(0);
    const { base, since } = held;
    const key = `${base.nonce} ${[...since].map(([name, entry]) => `${name} ${entry?.toString('latin1') ?? ''}`).join()}`;
    const known = this.#shared.held.get(key);
    if (known !== undefined) return known;
    const entries: Buffer[] = [];
    eachEntry(base.entries, (name, entry) => {
      if (!since.has(name)) entries.push(entry);
    });
    const now = [...entries, ...[...since.values()].filter((entry) => entry !== null)];
    const encoded = Buffer.concat(shuffled(now));
    this.#shared.held.set(key, encoded);
    return encoded;
  }
}

/** Envoy keeps its resources in hash maps, so their order says nothing. The same order in every run. */
function shuffled<T>(items: readonly T[]): readonly T[] {
  let state = items.length;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
  return items
    .map((item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

function nodeOf(workload: Workload): Uint8Array {
  const { name, namespace } = workload.meta;
  const ip = workload.addresses[0] ?? '';
  const metadata = {
    NAMESPACE: namespace,
    SERVICE_ACCOUNT: workload.serviceAccount,
    INSTANCE_IPS: ip,
    COXSWAIN_ROUTES: 'vhds',
  };
  const labels = Object.entries(workload.labels).map(([key, value]) => [key, { stringValue: value }]);
  const fields = Object.entries(metadata).map(([key, value]) => [key, { stringValue: value }]);
  return encode('envoy.config.core.v3.Node', {
    id: `sidecar~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    metadata: {
      fields: { ...Object.fromEntries(fields), LABELS: { structValue: { fields: Object.fromEntries(labels) } } },
    },
    userAgentName: 'envoy',
    userAgentBuildVersion: { version: { majorNumber: 1, minorNumber: 40, patch: 0 } },
  });
}
