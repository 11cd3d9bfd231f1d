import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TypeMap, type TypeName, toJson } from '@envoyproxy/protos';
import { controlPlaneCluster, tokenSecretName } from '../../src/agent/bootstrap-xds-cluster.ts';
import type { AuthorizationPolicy } from '../../src/model/authorization-policy.ts';
import { type AccessLogSettings, defaultMesh } from '../../src/model/mesh.ts';
import { accessLogs } from '../../src/translate/envoy/access-log.ts';
import { type FilterAction, httpRbac, networkRbac } from '../../src/translate/envoy/rbac.ts';
import { type ActionPolicies, effectiveAuthorization, forHttp } from '../../src/translate/policy/authorization.ts';
import { forTcp } from '../../src/translate/policy/authorization-tcp.ts';
import { listening, stop } from './envoy-process.ts';

const types = 'type.googleapis.com/envoy.extensions';
const tools = resolve(import.meta.dirname, '../../.tools');
/** The newest Envoy that we support, and the oldest. */
export const envoyVersions = ['1.40.0', '1.36.2'] as const;

/** What an Envoy with one workload's policies is made of. */
export interface AlsEnvoyOptions {
  readonly version: string;
  readonly httpPort: number;
  readonly tcpPort: number;
  readonly adminPort: number;
  /** Where its reports go, over TLS. */
  readonly als: { readonly port: number; readonly ca: string; readonly authorization: string };
  /** Where bytes go that pass the TCP port. */
  readonly echoPort: number;
  readonly policies: readonly AuthorizationPolicy[];
  readonly log?: AccessLogSettings;
  /** Further HTTP filters, before those of RBAC. */
  readonly before?: readonly object[];
}

/** A real Envoy whose policies stand in a file, with the access logs of an inbound chain; HTTP is answered with 200. */
export class AlsEnvoy implements AsyncDisposable {
  readonly options: AlsEnvoyOptions;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(options: AlsEnvoyOptions, process: ChildProcess, folder: string) {
    this.options = options;
    this.#process = process;
    this.#folder = folder;
  }

  static async start(options: AlsEnvoyOptions): Promise<AlsEnvoy> {
    const folder = await mkdtemp(join(tmpdir(), 'coxswain-als-'));
    const file = join(folder, 'envoy.json');
    const token = join(folder, 'token');
    const secret = { '@type': `${types}.transport_sockets.tls.v3.Secret`, name: tokenSecretName };
    const generic_secret = { secret: { filename: token } };
    await writeFile(token, options.als.authorization, { mode: 0o600 });
    await writeFile(join(folder, 'token.json'), JSON.stringify({ resources: [{ ...secret, generic_secret }] }));
    await writeFile(join(folder, 'root.pem'), options.als.ca);
    await writeFile(file, JSON.stringify(bootstrap(options, folder)), { mode: 0o600 });
    const binary = join(tools, `envoy-${options.version}`, 'envoy');
    const child = spawn(
      binary,
      [
        '-c',
        file,
        '--disable-hot-restart',
        '--concurrency',
        '1',
        '--file-flush-interval-msec',
        '100',
        '--log-level',
        'error',
      ],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const envoy = new AlsEnvoy(options, child, folder);
    try {
      await listening(envoy.#process, options.adminPort);
      await listening(envoy.#process, options.httpPort);
      await listening(envoy.#process, options.tcpPort);
    } catch (error) {
      await envoy[Symbol.asyncDispose]();
      throw new Error(`envoy did not start: ${said.slice(0, 2_000)}`, { cause: error });
    }
    return envoy;
  }

  /** Its counters of that name. */
  async stats(filter: string): Promise<Readonly<Record<string, number>>> {
    const answer = await fetch(
      `http://127.0.0.1:${this.options.adminPort}/stats?format=json&filter=${encodeURIComponent(filter)}`,
    );
    const { stats }: { readonly stats: readonly { readonly name?: string; readonly value: number }[] } = JSON.parse(
      await answer.text(),
    );
    return Object.fromEntries(stats.flatMap(({ name, value }) => (name === undefined ? [] : [[name, value]])));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#process);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The workload whose sidecar it plays. */
export const reporter = { namespace: 'foo', name: 'httpbin-1', serviceAccount: 'httpbin', labels: { app: 'httpbin' } };

function bootstrap(options: AlsEnvoyOptions, folder: string): object {
  const { httpPort, tcpPort, adminPort, als, echoPort, policies } = options;
  const at = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  const controlPlane = controlPlaneCluster({
    transport: 'tls',
    host: '127.0.0.1',
    port: als.port,
    serverName: 'coxswain.istio-system.svc',
    rootFile: join(folder, 'root.pem'),
    tokenSecretFile: join(folder, 'token.json'),
  });
  const log = options.log ?? defaultMesh.accessLog;
  const logs = (kind: 'http' | 'tcp') =>
    accessLogs(kind, 'inbound', log).map((each) => toJson('envoy.config.accesslog.v3.AccessLog', each));
  const effective = effectiveAuthorization(policies, reporter, 'istio-system');
  const actions: readonly (readonly [FilterAction, ActionPolicies])[] = [
    ['AUDIT', effective.audit],
    ['DENY', effective.deny],
    ['ALLOW', effective.allow],
  ];
  return {
    node: {
      id: `sidecar~127.0.0.1~${reporter.name}.${reporter.namespace}~${reporter.namespace}.svc.cluster.local`,
      cluster: reporter.name,
      metadata: { NAMESPACE: reporter.namespace, SERVICE_ACCOUNT: reporter.serviceAccount, LABELS: reporter.labels },
    },
    admin: { address: at(adminPort) },
    static_resources: {
      clusters: [toJson('envoy.config.cluster.v3.Cluster', controlPlane), cluster('echo', echoPort)],
      listeners: [
        {
          name: 'http',
          address: at(httpPort),
          filter_chains: [{ filters: [connectionManager(actions, logs('http'), options.before ?? [])] }],
        },
        {
          name: 'tcp',
          address: at(tcpPort),
          filter_chains: [{ filters: [...networkFilters(actions), tcpProxy(logs('tcp'))] }],
        },
      ],
    },
  };

  function cluster(name: string, port: number): object {
    const endpoints = [{ lb_endpoints: [{ endpoint: { address: at(port) } }] }];
    return { name, type: 'STATIC', connect_timeout: '1s', load_assignment: { cluster_name: name, endpoints } };
  }
}

function networkFilters(actions: readonly (readonly [FilterAction, ActionPolicies])[]): readonly object[] {
  return actions.flatMap(([action, { enforced, dryRun }]) => {
    const rules = (policies: readonly AuthorizationPolicy[]) => policies.map((each) => forTcp(each).rules);
    const filter = networkRbac(action, { enforced: rules(enforced), dryRun: rules(dryRun) }, defaultMesh);
    if (filter === undefined) return [];
    return [{ name: `rbac.${action}`, typed_config: anyJson('envoy.extensions.filters.network.rbac.v3.RBAC', filter) }];
  });
}

function connectionManager(
  actions: readonly (readonly [FilterAction, ActionPolicies])[],
  accessLog: readonly unknown[],
  before: readonly object[],
): object {
  const rules = (policies: readonly AuthorizationPolicy[]) => policies.map(forHttp);
  return {
    name: 'http',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: 'http',
      access_log: accessLog,
      http_filters: [
        ...before,
        ...actions.map(([action, { enforced, dryRun }]) => {
          const filter = httpRbac(action, { enforced: rules(enforced), dryRun: rules(dryRun) }, defaultMesh);
          return {
            name: `rbac.${action}`,
            typed_config: anyJson('envoy.extensions.filters.http.rbac.v3.RBAC', filter),
          };
        }),
        {
          name: 'router',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
        },
      ],
      route_config: {
        name: 'all',
        virtual_hosts: [
          { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] },
        ],
      },
    },
  };
}

function tcpProxy(accessLog: readonly unknown[]): object {
  return {
    name: 'tcp_proxy',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
      stat_prefix: 'tcp',
      cluster: 'echo',
      access_log: accessLog,
    },
  };
}

function anyJson<K extends TypeName>(type: K, message: TypeMap[K]): object {
  return { '@type': `type.googleapis.com/${type}`, ...Object(toJson(type, message)) };
}
