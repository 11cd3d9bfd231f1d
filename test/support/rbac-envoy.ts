import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type TypeMap, type TypeName, toJson } from '@envoyproxy/protos';
import type { AuthorizationPolicy } from '../../src/model/authorization-policy.ts';
import { httpRbac, networkRbac } from '../../src/translate/envoy/rbac.ts';
import { effectiveAuthorization, forHttp } from '../../src/translate/policy/authorization.ts';
import { forTcp } from '../../src/translate/policy/authorization-tcp.ts';
import type { TrustDomains } from '../../src/translate/policy/authorization-trust-domain.ts';
import type { Leaf } from './rbac-certificates.ts';

const binary = process.env['ENVOY'] ?? resolve(import.meta.dirname, '../../.tools/envoy-1.40.0/envoy');

/** Policies that hold together, under a mesh's names; one of many that share an Envoy. */
export interface Case {
  readonly policies: readonly AuthorizationPolicy[];
  readonly mesh: TrustDomains;
}

export interface RbacEnvoyOptions {
  readonly http: readonly Case[];
  readonly tcp: readonly Case[];
  readonly ports: readonly number[];
  readonly ca: string;
  readonly server: Leaf;
}

/**
 * Runs an Envoy that holds many policy sets at once: over HTTP, the request header `x-case` chooses one; over TCP, the
 * address does ({@link tcpAddress}). Every port takes plaintext, TLS and mTLS. An allowed request gets 200, allowed bytes come back.
 */
export async function startRbacEnvoy(options: RbacEnvoyOptions): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'coxswain-rbac-'));
  const file = join(folder, 'envoy.json');
  await writeFile(file, JSON.stringify(bootstrap(options)), { mode: 0o600 });
  const envoy = spawn(binary, ['-c', file, '--disable-hot-restart', '--concurrency', '1', '--log-level', 'error'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  envoy.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const stop = async () => {
    if (envoy.exitCode === null && envoy.signalCode === null) {
      const exited = once(envoy, 'exit');
      envoy.kill('SIGKILL');
      await exited;
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all([
      ...options.ports.map((port) => listening(envoy, '127.0.0.1', port)),
      ...options.tcp.map((_, i) => listening(envoy, ...tcpAddress(i, options.ports))),
    ]);
  } catch (error) {
    await stop();
    throw new Error(`envoy did not start: ${said.slice(0, 2000)}`, { cause: error });
  }
  return { [Symbol.asyncDispose]: stop };
}

/** Where the TCP case of this index listens: an address of its own, on one of the ports in turn. */
export function tcpAddress(index: number, ports: readonly number[]): readonly [host: string, port: number] {
  return [`127.0.${1 + Math.floor(index / 200)}.${1 + (index % 200)}`, ports[index % ports.length] ?? 0];
}

/** Ports of loopback that nobody listens on right now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  return servers.map((server) => {
    const address = server.address();
    server.close();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
}

async function listening(envoy: ChildProcess, host: string, port: number): Promise<void> {
  const deadline = AbortSignal.timeout(20_000);
  for (;;) {
    if (envoy.exitCode !== null) {
      throw new Error(`envoy exited with ${envoy.exitCode}`);
    }
    const socket = connect(port, host);
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await delay(20, undefined, { signal: deadline });
    } finally {
      socket.destroy();
    }
  }
}

function bootstrap({ http, tcp, ports, ca, server }: RbacEnvoyOptions): object {
  const tls = {
    name: 'tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      common_tls_context: {
        tls_certificates: [
          { certificate_chain: { inline_string: server.certificate }, private_key: { inline_string: server.key } },
        ],
        validation_context: { trusted_ca: { inline_string: ca } },
      },
    },
  };
  const listener = (name: string, address: string, port: number, filters: readonly object[]) => ({
    name,
    address: { socket_address: { address, port_value: port } },
    listener_filters: [
      {
        name: 'tls_inspector',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
        },
      },
    ],
    filter_chains: [
      { filter_chain_match: { transport_protocol: 'tls' }, transport_socket: tls, filters },
      { filter_chain_match: { transport_protocol: 'raw_buffer' }, filters },
    ],
  });
  return {
    static_resources: {
      listeners: [
        ...ports.map((port) => listener(`http-${port}`, '127.0.0.1', port, [connectionManager(http)])),
        ...tcp.map((each, i) => listener(`tcp-${i}`, ...tcpAddress(i, ports), [...networkFilters(each), echo])),
      ],
    },
  };
}

const echo = {
  name: 'echo',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo' },
};

function networkFilters({ policies, mesh }: Case): readonly object[] {
  const type = 'envoy.extensions.filters.network.rbac.v3.RBAC';
  const { deny, allow } = effectiveAuthorization(policies, { namespace: 'foo', labels: {} }, 'root');
  return [
    networkRbac(
      'DENY',
      deny.map((each) => forTcp(each).rules),
      mesh,
    ),
    networkRbac(
      'ALLOW',
      allow.map((each) => forTcp(each).rules),
      mesh,
    ),
  ]
    .filter((filter) => filter !== undefined)
    .map((filter) => ({ name: 'rbac', typed_config: anyJson(type, filter) }));
}

function connectionManager(cases: readonly Case[]): object {
  const empty = anyJson('envoy.extensions.filters.http.rbac.v3.RBAC', {});
  return {
    name: 'http',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: 'http',
      http_filters: [
        { name: 'deny', typed_config: empty },
        { name: 'allow', typed_config: empty },
        {
          name: 'router',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
        },
      ],
      route_config: { name: 'cases', virtual_hosts: [{ name: 'all', domains: ['*'], routes: cases.map(route) }] },
    },
  };
}

function route({ policies, mesh }: Case, index: number): object {
  const type = 'envoy.extensions.filters.http.rbac.v3.RBACPerRoute';
  const { deny, allow } = effectiveAuthorization(policies, { namespace: 'foo', labels: {} }, 'root');
  return {
    match: { prefix: '/', headers: [{ name: 'x-case', string_match: { exact: String(index) } }] },
    direct_response: { status: 200 },
    typed_per_filter_config: {
      deny: anyJson(type, { rbac: httpRbac('DENY', deny.map(forHttp), mesh) }),
      allow: anyJson(type, { rbac: httpRbac('ALLOW', allow.map(forHttp), mesh) }),
    },
  };
}

function anyJson<K extends TypeName>(type: K, message: TypeMap[K]): object {
  return { '@type': `type.googleapis.com/${type}`, ...Object(toJson(type, message)) };
}
