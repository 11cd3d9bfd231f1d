import { execFile } from 'node:child_process';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { toJson } from '@envoyproxy/protos';
import { GatewaySecrets } from '../../src/ca/gateway-secrets.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import type { Resource } from '../../src/model/resource.ts';
import { Compiler } from '../../src/translate/compiler.ts';
import { routeFilters } from '../../src/translate/envoy/route-filters.ts';
import { translate } from '../../src/translate/translate.ts';
import { json, snapshotIn } from './compiled.ts';
import { pod, sidecar } from './objects.ts';

const tools = resolve(import.meta.dirname, '../../.tools');
const run = promisify(execFile);

/** A gateway that Gateways choose, and a client in the mesh, for VirtualServices of `mesh`. */
const gatewayPod = pod('edge', 'gateway-1', '10.0.0.8', { labels: { istio: 'ingressgateway' } });
const router = sidecar(gatewayPod, { kind: 'router', routes: 'inline' });
const client = sidecar(pod('foo', 'client-1', '10.0.0.9', { labels: { app: 'client' } }), { routes: 'inline' });

/** What a gateway gets of some objects, with the credentials that its listeners name, and what a sidecar gets. */
export function edgeResources(objects: readonly MeshObject[]): readonly (readonly Resource[])[] {
  const snapshot = snapshotIn({}, [...objects, gatewayPod]);
  const compiler = new Compiler(snapshot);
  using compiled = compiler.attach(router, () => undefined);
  const find = (name: string) => snapshot.secrets.get(router.namespace)?.get(name);
  const credentials = new GatewaySecrets().layer(compiled.credentials, find);
  return [
    [...translate(snapshot, router).resources, ...credentials.resources.values()],
    translate(snapshot, client).resources,
  ];
}

/** Without what stood before in the very same form: most sets have the same clusters. */
function onlyNew(sets: readonly (readonly Resource[])[]): readonly (readonly Resource[])[] {
  const known = new Set<string>();
  return sets.map((resources) =>
    resources.filter(({ type, name, version }) => {
      // A listener may also be refused for those that stand beside it.
      if (type.endsWith('.Listener') && !name.startsWith('virtual')) return true;
      const key = `${type} ${name} ${version}`;
      if (known.has(key)) return false;
      known.add(key);
      return true;
    }),
  );
}

const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const typed = (type: string, body: unknown) => ({ '@type': `type.googleapis.com/${type}`, ...Object(body) });
const of = (resources: readonly Resource[], type: string) =>
  resources.filter((each) => each.type.endsWith(`.${type}`)).map((each) => Object(json(each)));
const renamed = (resource: { readonly name: string }, index: number) => ({
  ...resource,
  name: `${index} ${resource.name}`,
});

/**
 * A bootstrap with the listeners, clusters and routes of many sets of objects. Sets don't meet: each has addresses of its own, and within a
 * set the same address stays the same, so that two listeners of one still clash. Route configurations stand in connection managers.
 */
function bootstrap(all: readonly (readonly Resource[])[]): object {
  const sets = onlyNew(all);
  return {
    // As in every bootstrap of ours.
    layered_runtime: { layers: [{ name: 'l', static_layer: { 're2.max_program_size.error_level': 32_768 } }] },
    dynamic_resources: {
      ads_config: { api_type: 'GRPC', grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }] },
    },
    static_resources: {
      listeners: sets.flatMap((resources, index) => [
        ...of(resources, 'Listener').map((each) => moved(each, index)),
        ...routesListener(of(resources, 'RouteConfiguration'), index),
      ]),
      secrets: sets.flatMap((resources, index) => of(resources, 'Secret').map((each) => renamed(each, index))),
      clusters: [
        { name: 'xds', type: 'STATIC', connect_timeout: '1s', typed_extension_protocol_options: http2 },
        ...sets.flatMap((resources, index) => of(resources, 'Cluster').map((each) => renamed(each, index))),
      ],
    },
  };
}

const http2 = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    { explicit_http_config: { http2_protocol_options: {} } },
  ),
};

interface ListenerJson {
  readonly name: string;
  readonly address: {
    readonly pipe?: { readonly path: string };
    readonly socket_address?: { readonly address: string; readonly port_value: number };
  };
}

function moved({ name, address, ...listener }: ListenerJson, index: number): object {
  const { pipe, socket_address: socket } = address;
  const own = socket?.address.includes(':')
    ? `fd00::${index.toString(16)}:${socket.address === '::' ? 'ffff' : socket.address.slice(-4).replaceAll(':', '0')}`
    : `${socket?.address.split('.')[0] ?? 0}.${1 + (index >> 8)}.${index & 255}.${(Number(socket?.address.split('.')[3]) % 250) + 1}`;
  return {
    ...listener,
    name: `${index} ${name}`,
    address: pipe ? { pipe: { path: `${pipe.path}-${index}` } } : { socket_address: { ...socket, address: own } },
  };
}

function routesListener(configurations: readonly object[], index: number): readonly object[] {
  if (configurations.length === 0) return [];
  const filters = Object(toJson(manager, { statPrefix: 'x', httpFilters: routeFilters }, { protoNames: true }));
  const router = { name: 'router', typed_config: typed('envoy.extensions.filters.http.router.v3.Router', {}) };
  const chains = configurations.map((route_config, chain) => ({
    filter_chain_match: { destination_port: chain + 1 },
    filters: [
      {
        name: 'http',
        typed_config: typed(manager, {
          stat_prefix: 'x',
          http_filters: [...filters.http_filters, router],
          route_config,
        }),
      },
    ],
  }));
  const address = { socket_address: { address: `9.9.${index >> 8}.${index & 255}`, port_value: 1 } };
  return [{ name: `${index} routes`, address, filter_chains: chains }];
}

/** What Envoy says against sets of resources; '' for nothing. */
async function refusal(version: string, sets: readonly (readonly Resource[])[]): Promise<string> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'coxswain-edge-'));
  const file = join(folder.path, 'envoy.json');
  await writeFile(file, JSON.stringify(bootstrap(sets)));
  const settings = ['--mode', 'validate', '--disable-hot-restart', '--log-level', 'error'];
  const node = ['--service-node', 'n', '--service-cluster', 'c'];
  return await run(`${tools}/envoy-${version}/envoy`, ['-c', file, ...settings, ...node], {
    maxBuffer: 64_000_000,
  }).then(
    ({ stdout }) => (/ OK\s*$/.test(stdout) ? '' : stdout.slice(-3_000)),
    (error: unknown) => String(Object(error).stderr).slice(0, 3_000),
  );
}

/** The first set that Envoy refuses, and why; undefined where it takes them all. */
export async function firstRefused(
  version: string,
  sets: readonly (readonly Resource[])[],
): Promise<{ readonly index: number; readonly why: string } | undefined> {
  const why = await refusal(version, sets);
  if (why === '') return undefined;
  if (sets.length === 1) return { index: 0, why };
  const half = sets.length >> 1;
  const first = await firstRefused(version, sets.slice(0, half));
  if (first !== undefined) return first;
  const second = await firstRefused(version, sets.slice(half));
  return second === undefined ? { index: -1, why } : { index: half + second.index, why: second.why };
}
