import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { any, encode, envoy, type TypeMap, type TypeName } from '@envoyproxy/protos';
import { contentVersion } from '../../src/lib/hash.ts';
import { typeUrl } from '../../src/model/ids.ts';
import type { Layer, Resource } from '../../src/model/resource.ts';
import { freePort } from './free-ports.ts';

const tools = resolve(import.meta.dirname, '../../.tools');
const binary = process.env['ENVOY'] ?? join(tools, 'envoy-1.40.0/envoy');

/** A resource as a builder would make it. */
export function made<K extends TypeName>(type: K, name: string, message: TypeMap[K]): Resource {
  const body = encode(type, message);
  return { type: typeUrl(`type.googleapis.com/${type}`), name, version: contentVersion(body), body };
}

export const layerOf = (key: string, ...resources: readonly Resource[]): Layer => ({
  key,
  resources: new Map(resources.map((each) => [each.name, each])),
});

const ads: envoy.config.core.v3.ConfigSource = {
  ads: {},
  resourceApiVersion: envoy.config.core.v3.ApiVersion.V3,
  initialFetchTimeout: { seconds: 5 },
};

const address = (port: number): envoy.config.core.v3.Address => ({
  socketAddress: { address: '127.0.0.1', portValue: port },
});

/** A cluster whose endpoints come by EDS. */
export function edsCluster(name: string, timeoutSeconds = 1): Resource {
  return made('envoy.config.cluster.v3.Cluster', name, {
    name,
    type: envoy.config.cluster.v3.Cluster.DiscoveryType.EDS,
    connectTimeout: { seconds: timeoutSeconds },
    edsClusterConfig: { edsConfig: ads },
  });
}

export function endpoints(name: string, ...ports: readonly number[]): Resource {
  return made('envoy.config.endpoint.v3.ClusterLoadAssignment', name, {
    clusterName: name,
    endpoints: [{ lbEndpoints: ports.map((port) => ({ endpoint: { address: address(port) } })) }],
  });
}

/** An HTTP listener: routes by RDS, an RBAC filter by ECDS. */
export function listener(name: string, port: number, routes: string, filter: string): Resource {
  const rbac = 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC';
  return made('envoy.config.listener.v3.Listener', name, {
    name,
    address: address(port),
    filterChains: [
      {
        filters: [
          {
            name: 'http',
            typedConfig: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
              statPrefix: name,
              rds: { configSource: ads, routeConfigName: routes },
              httpFilters: [
                { name: filter, configDiscovery: { configSource: ads, typeUrls: [rbac] } },
                { name: 'router', typedConfig: any('envoy.extensions.filters.http.router.v3.Router', {}) },
              ],
            }),
          },
        ],
      },
    ],
  });
}

/** The RBAC filter: allows all, or denies all. */
export function rbacFilter(name: string, deny: boolean): Resource {
  const rules: envoy.config.rbac.v3.RBAC = {
    action: envoy.config.rbac.v3.RBAC.Action.DENY,
    policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } },
  };
  return made('envoy.config.core.v3.TypedExtensionConfig', name, {
    name,
    typedConfig: any('envoy.extensions.filters.http.rbac.v3.RBAC', deny ? { rules } : {}),
  });
}

/** `path` answers directly, everything else goes to `cluster`. */
export function virtualHost(name: string, cluster: string, domain = '*'): envoy.config.route.v3.VirtualHost {
  return { name, domains: [domain], routes: [{ match: { prefix: '/' }, route: { cluster } }] };
}

export function routes(name: string, ...virtualHosts: readonly envoy.config.route.v3.VirtualHost[]): Resource {
  return made('envoy.config.route.v3.RouteConfiguration', name, { name, virtualHosts });
}

/** A route configuration whose virtual hosts come one by one. */
export function vhdsRoutes(name: string): Resource {
  return made('envoy.config.route.v3.RouteConfiguration', name, { name, vhds: { configSource: ads } });
}

export function virtualHostResource(name: string, cluster: string, domain: string): Resource {
  return made('envoy.config.route.v3.VirtualHost', name, virtualHost(name, cluster, domain));
}

/** A backend that answers every request with its name. */
export async function backend(name: string): Promise<AsyncDisposable & { readonly port: number }> {
  const server: Server = createServer((_, response) => response.end(name));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A real Envoy on loopback, whose configuration comes from our server alone. */
export class XdsEnvoy implements AsyncDisposable {
  readonly adminPort: number;
  readonly #process: ChildProcess;
  readonly #folder: string;
  said = '';

  private constructor(process: ChildProcess, folder: string, adminPort: number) {
    this.#process = process;
    this.#folder = folder;
    this.adminPort = adminPort;
    process.stderr?.on('data', (chunk: Buffer) => {
      this.said += chunk.toString();
    });
  }

  /** `token` proves who it is to `fakeAuthenticator`; without one it gets no secrets. */
  static async start(xdsPort: number, mode: 'DELTA_GRPC' | 'GRPC', token = '', version?: string): Promise<XdsEnvoy> {
    const folder = await mkdtemp(join(tmpdir(), 'coxswain-xds-'));
    const adminPort = await freePort();
    const file = join(folder, 'envoy.json');
    await writeFile(file, JSON.stringify(bootstrap(xdsPort, adminPort, mode, token)));
    const words = [
      '-c',
      file,
      '--disable-hot-restart',
      '--concurrency',
      '1',
      '--log-level',
      'warning',
      '--drain-time-s',
      '1',
    ];
    const program = version === undefined ? binary : join(tools, `envoy-${version}`, 'envoy');
    const envoyProcess = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
    return new XdsEnvoy(envoyProcess, folder, adminPort);
  }

  async admin(path: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}${path}`);
    return await response.text();
  }

  /** A counter or gauge by its name; undefined while Envoy doesn't have it, or isn't up. */
  async stat(name: string): Promise<number | undefined> {
    const text = await this.admin(`/stats?filter=^${name.replaceAll('.', '\\.')}$`).catch(() => '');
    const value = /: (\d+)/.exec(text)?.[1];
    return value === undefined ? undefined : Number(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await exited;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function bootstrap(xdsPort: number, adminPort: number, mode: 'DELTA_GRPC' | 'GRPC', token: string): object {
  const socket = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  const protocolOptions = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return {
    node: { id: 'sidecar~10.0.0.1~web.shop~shop.svc.cluster.local', cluster: 'web.shop' },
    admin: { address: socket(adminPort) },
    dynamic_resources: {
      ads_config: {
        api_type: mode,
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: 'xds',
              // As in the bootstrap of a sidecar (src/agent/bootstrap.ts).
              retry_policy: { retry_back_off: { base_interval: '0.25s', max_interval: '10s' } },
            },
            initial_metadata: token === '' ? [] : [{ key: 'authorization', value: `Bearer ${token}` }],
          },
        ],
      },
      lds_config: { ads: {}, resource_api_version: 'V3' },
      cds_config: { ads: {}, resource_api_version: 'V3' },
    },
    static_resources: {
      clusters: [
        // Where access logs go; nobody is there.
        { name: 'xds-grpc', connect_timeout: '1s' },
        {
          name: 'xds',
          connect_timeout: '1s',
          type: 'STATIC',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': protocolOptions,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(xdsPort) } }] }],
          },
        },
      ],
    },
  };
}
