import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type envoy as protos, toJson } from '@envoyproxy/protos';
import { readText } from '../../src/config/files.ts';
import type { VirtualService } from '../../src/model/virtual-service.ts';
import { httpRoutes, routeLimits } from '../../src/translate/envoy/http-routes.ts';
import { jwtAuthentication } from '../../src/translate/envoy/jwt-authn.ts';
import { dormantRouteFilters, routeFilters } from '../../src/translate/envoy/route-filters.ts';
import { destinationPort } from '../../src/translate/policy/destination-port.ts';
import { effectiveRoutes, type RouteAsker } from '../../src/translate/policy/virtual-service.ts';
import { meshHosts, virtualServices } from '../../src/translate/policy/virtual-services.ts';
import { listening, stop } from './envoy-process.ts';
import { freePort } from './free-ports.ts';

const tools = resolve(import.meta.dirname, '../../.tools');

/** Parses VirtualServices; anything that is said about them but for warnings is a mistake of the test. */
export function readVirtualServices(yaml: string): readonly VirtualService[] {
  const { objects, findings } = readText('f.yaml', yaml);
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return objects.filter((object): object is VirtualService => object.kind === 'VirtualService');
}

const asker: RouteAsker = { gateways: ['mesh'], namespace: 'foo', labels: { app: 'client' }, port: 80 };

/** A whole route configuration of what a sidecar gets of some VirtualServices, and the clusters that it names. */
export function routeConfiguration(services: readonly VirtualService[]): {
  readonly config: protos.config.route.v3.RouteConfiguration;
  readonly clusters: readonly string[];
} {
  const clusters = new Set<string>();
  const prepared = meshHosts(virtualServices(services, 'cluster.local'), asker.namespace);
  const virtualHosts = [...prepared].map(([host, service]) => ({
    name: host,
    domains: [host],
    routes: httpRoutes(effectiveRoutes(service, asker) ?? [], {
      port: 8443,
      hashOf: () => undefined,
      tunnelOf: () => undefined,
      clusterOf: (destination) => {
        const { subset, host: to } = destination;
        const name = `outbound|${destinationPort(destination, undefined, asker.port)}|${subset}|${to}`;
        clusters.add(name);
        return name;
      },
    }),
  }));
  const config = { name: '80', virtualHosts, ...routeLimits, validateClusters: { value: false } };
  return { config, clusters: [...clusters] };
}

/**
 * JSON of a bootstrap with that route configuration: with keys for tokens as at a gateway, without as on a sidecar. `endpoints`: ports of
 * loopback by name of a cluster.
 */
export function routeBootstrap(
  { config, clusters }: ReturnType<typeof routeConfiguration>,
  {
    port,
    endpoints,
    jwks,
  }: { readonly port: number; readonly endpoints: Readonly<Record<string, number>>; readonly jwks: string },
): object {
  const typed = (type: string, json: unknown) => ({ '@type': `type.googleapis.com/${type}`, ...Object(json) });
  const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  const jwtType = 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication';
  const provider = {
    ...{ issuer: 'https://issuer.example', audiences: [], jwks, fromHeaders: [], fromParams: [], fromCookies: [] },
    ...{ forwardOriginalToken: true, outputPayloadToHeader: '', outputClaimToHeaders: [], spaceDelimitedClaims: [] },
  };
  const jwt = jwtAuthentication([provider], 'router');
  const httpFilters = jwks === '' ? dormantRouteFilters : routeFilters;
  const filters = toJson(manager, { statPrefix: 'x', httpFilters }, { protoNames: true });
  const connectionManager = typed(manager, {
    stat_prefix: 'out',
    http_filters: [
      ...(jwks === '' ? [] : [{ name: 'jwt', typed_config: typed(jwtType, toJson(jwtType, jwt)) }]),
      ...Object(filters).http_filters,
      { name: 'router', typed_config: typed('envoy.extensions.filters.http.router.v3.Router', {}) },
    ],
    route_config: toJson('envoy.config.route.v3.RouteConfiguration', config, { protoNames: true }),
  });
  const clusterOf = (name: string) => {
    const to = endpoints[name];
    const address = { socket_address: { address: '127.0.0.1', port_value: to } };
    const lb_endpoints = to === undefined ? [] : [{ endpoint: { address } }];
    return {
      ...{ name, connect_timeout: '1s' },
      load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints }] },
    };
  };
  return {
    layered_runtime: { layers: [{ name: 'l', static_layer: { 're2.max_program_size.error_level': 32_768 } }] },
    static_resources: {
      listeners: [
        {
          name: 'l',
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          filter_chains: [{ filters: [{ name: 'http', typed_config: connectionManager }] }],
        },
      ],
      clusters: clusters.map(clusterOf),
    },
  };
}

/** What a test asks. */
export interface RouteAsked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came back, and how the request reached the application, if it did. */
export interface RouteAnswered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly reached: Reached | undefined;
}

export interface Reached {
  readonly app: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A real Envoy of one version with the routes of some VirtualServices, and applications that tell what reached them. */
export class RouteEnvoy implements AsyncDisposable {
  readonly #port: number;
  readonly #resources: AsyncDisposableStack;
  readonly reached: readonly Reached[];

  private constructor(port: number, resources: AsyncDisposableStack, reached: readonly Reached[]) {
    this.#port = port;
    this.#resources = resources;
    this.reached = reached;
  }

  /** `apps`: the hosts that are there; all other clusters have no endpoint. */
  static async start(version: string, yaml: string, apps: readonly string[], jwks: string): Promise<RouteEnvoy> {
    await using resources = new AsyncDisposableStack();
    const reached: Reached[] = [];
    const made = routeConfiguration(readVirtualServices(yaml));
    const ports = new Map<string, number>();
    for (const app of apps) {
      const server = resources.adopt(createServer(answerer(app, reached)), close);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      ports.set(app, typeof address === 'object' && address !== null ? address.port : 0);
    }
    const appOf = (cluster: string) => /\|([^|.]*)\.[^|]*$/.exec(cluster)?.[1] ?? '';
    const endpoints = Object.fromEntries(
      made.clusters.flatMap((cluster) => {
        const to = ports.get(appOf(cluster));
        return to === undefined ? [] : [[cluster, to]];
      }),
    );
    const port = await freePort();
    const folder = resources.adopt(await mkdtemp(join(tmpdir(), 'coxswain-routes-')), (path) =>
      rm(path, { recursive: true, force: true }),
    );
    const file = join(folder, 'envoy.json');
    await writeFile(file, JSON.stringify(routeBootstrap(made, { port, endpoints, jwks })));
    const flags = ['-c', file, '--disable-hot-restart', '--concurrency', '1', '--log-level', 'error'];
    const child = spawn(join(tools, `envoy-${version}`, 'envoy'), flags, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    resources.defer(() => stop(child));
    await listening(child, port).catch((cause: unknown) => {
      throw new Error(`envoy ${version} did not start: ${said.slice(0, 3_000)}`, { cause });
    });
    return new RouteEnvoy(port, resources.move(), reached);
  }

  async ask(host: string, { method = 'GET', path = '/', headers = {} }: RouteAsked = {}): Promise<RouteAnswered> {
    const sent = request({
      host: '127.0.0.1',
      port: this.#port,
      method,
      path,
      headers: { host, ...headers },
      agent: false,
    });
    sent.end();
    const [answer] = await once(sent, 'response');
    let body = '';
    for await (const chunk of answer) body += chunk;
    const { 'x-app': app, ...rest } = answer.headers;
    return {
      status: answer.statusCode,
      headers: rest,
      body: app === undefined ? body : '',
      reached: app === undefined || body === '' ? undefined : JSON.parse(body),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** Tells what reached it. `/hang` is never answered; `x-fail: N` makes the first N requests of an `x-id` fail with `x-fail-with`. */
function answerer(app: string, all: Reached[]) {
  const failed = new Map<string, number>();
  return (asked: IncomingMessage, answer: ServerResponse): void => {
    const { method = '', url = '', headers } = asked;
    const text = (name: string): string => String(headers[name] ?? '');
    const plain = Object.fromEntries(Object.keys(headers).map((name) => [name, text(name)]));
    const each = { app, method, path: url, headers: plain };
    all.push(each);
    if (url.startsWith('/hang')) return;
    const before = failed.get(text('x-id')) ?? 0;
    const fails = before < Number(text('x-fail'));
    if (fails) failed.set(text('x-id'), before + 1);
    answer.writeHead(fails ? Number(text('x-fail-with')) : 200, {
      'x-app': app,
      'x-version': 'one',
      'x-secret': 'two',
    });
    answer.end(JSON.stringify(each));
  };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolved) => server.close(resolved));
}
