import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type TypeMap, type TypeName, toJson } from '@envoyproxy/protos';
import type { AuthorizationPolicy } from '../../src/model/authorization-policy.ts';
import { jwtAuthentication } from '../../src/translate/envoy/jwt-authn.ts';
import { httpRbac, networkRbac } from '../../src/translate/envoy/rbac.ts';
import type { TrustDomains } from '../../src/translate/policy/authorization-trust-domain.ts';
import type { JwtProvider } from '../../src/translate/policy/jwt.ts';
import type { Leaf } from './rbac-certificates.ts';
import { actionsOf } from './rbac-filters.ts';
import { left, leftFilter } from './rbac-naive.ts';
import { payloads } from './rbac-tokens.ts';

const tools = resolve(import.meta.dirname, '../../.tools');

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
  /** Public keys of whoever signs the tokens of `rbac-tokens.ts`. */
  readonly jwks: string;
  /** The newest, or what the environment says, where none is asked for. */
  readonly version?: string;
}

/**
 * Runs an Envoy that holds many policy sets at once: over HTTP, the request header `x-case` chooses one; over TCP, the
 * address does ({@link tcpAddress}). Every port takes plaintext, TLS and mTLS. An allowed request gets 200, allowed bytes come back.
 */
export async function startRbacEnvoy(options: RbacEnvoyOptions): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'coxswain-rbac-'));
  const file = join(folder, 'envoy.json');
  await writeFile(file, JSON.stringify(bootstrap(options)), { mode: 0o600 });
  const { version = '1.40.0' } = options;
  const chosen = options.version === undefined ? process.env['ENVOY'] : undefined;
  const envoy = spawn(
    chosen ?? `${tools}/envoy-${version}/envoy`,
    ['-c', file, '--disable-hot-restart', '--concurrency', '1', '--log-level', 'error'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
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

/** An issuer with nothing special about it. */
const anyJwt: Omit<JwtProvider, 'issuer' | 'jwks'> = {
  audiences: [],
  fromHeaders: [],
  fromParams: [],
  fromCookies: [],
  forwardOriginalToken: false,
  outputPayloadToHeader: '',
  outputClaimToHeaders: [],
  spaceDelimitedClaims: [],
};

function bootstrap({ http, tcp, ports, ca, server, jwks }: RbacEnvoyOptions): object {
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
        ...ports.map((port) => listener(`http-${port}`, '127.0.0.1', port, [connectionManager(http, jwks)])),
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
  return actionsOf(policies, 'tcp')
    .flatMap(([action, rules]) => networkRbac(action, rules, mesh) ?? [])
    .map((filter) => ({
      name: 'rbac',
      typed_config: anyJson('envoy.extensions.filters.network.rbac.v3.RBAC', filter),
    }));
}

const leaving = {
  '@type': 'type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config',
  metadata: [{ metadata_namespace: leftFilter, value: left }],
};

function connectionManager(cases: readonly Case[], jwks: string): object {
  const jwt = jwtAuthentication(
    [...new Set(payloads.map(({ iss }) => iss))].map((issuer) => ({ ...anyJwt, issuer, jwks })),
  );
  const empty = anyJson('envoy.extensions.filters.http.rbac.v3.RBAC', {});
  return {
    name: 'http',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: 'http',
      http_filters: [
        { name: 'jwt', typed_config: anyJson('envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication', jwt) },
        { name: 'left', typed_config: leaving },
        ...['AUDIT', 'DENY', 'ALLOW'].map((name) => ({ name, typed_config: empty })),
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
  const filters = actionsOf(policies, 'http').map(
    ([action, rules]) =>
      [
        action,
        anyJson('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', { rbac: httpRbac(action, rules, mesh) }),
      ] as const,
  );
  return {
    match: { prefix: '/', headers: [{ name: 'x-case', string_match: { exact: String(index) } }] },
    direct_response: { status: 200 },
    typed_per_filter_config: Object.fromEntries(filters),
  };
}

function anyJson<K extends TypeName>(type: K, message: TypeMap[K]): object {
  return { '@type': `type.googleapis.com/${type}`, ...Object(toJson(type, message)) };
}
