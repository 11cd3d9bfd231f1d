import { any, decode, type envoy, type TypeMap, type TypeName, toJson } from '@envoyproxy/protos';
import fc from 'fast-check';
import { behaviourOf } from '../../src/explain/envoy-version.ts';
import { type HttpInput, runHttp } from '../../src/explain/http-chain.ts';
import { jwtStatusCode } from '../../src/explain/jwt.ts';
import type { Trail } from '../../src/explain/outcome.ts';
import type { Token } from '../../src/explain/token.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import { httpExtAuthz } from '../../src/translate/envoy/ext-authz.ts';
import { connectionSettings, inboundHttp } from '../../src/translate/envoy/http-connection-manager.ts';
import { jwtAuthentication } from '../../src/translate/envoy/jwt-authn.ts';
import * as names from '../../src/translate/envoy/names.ts';
import { httpCustomMatch, httpRbac } from '../../src/translate/envoy/rbac.ts';
import { forHttp, namedForProvider } from '../../src/translate/policy/authorization.ts';
import {
  caseOf,
  type ExplainCase,
  type ExplainRequest,
  explainRequestOf,
  type Variant,
  variantsOf,
} from './explain-cases.ts';
import { logPath, startEnvoy, type TestedEnvoy } from './explain-envoy.ts';
import { sendTexts } from './explain-send.ts';
import type { TestTokens } from './explain-tokens.ts';
import { freePorts } from './free-ports.ts';
import type { Leaf } from './rbac-certificates.ts';
import { actionsOf } from './rbac-filters.ts';
import { wireWords } from './rbac-words.ts';

type HttpRbac = envoy.extensions.filters.http.rbac.v3.RBAC;
type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;

/** Who takes part: a CA, the server's certificate, one certificate for each principal. */
export interface Stage {
  readonly ca: string;
  readonly server: Leaf;
  readonly leaves: ReadonlyMap<string, Leaf>;
  readonly tokens: TestTokens;
}

export interface RoundOptions {
  readonly envoy: TestedEnvoy;
  readonly seed: number;
  readonly cases: number;
  readonly requests: number;
}

/** Verdict and reasons of one request, in words that both sides can say. */
export interface Said {
  readonly status: number;
  readonly details: string;
  /** What RBAC filters report, by key; of ours the same keys are made. */
  readonly reports: Readonly<Record<string, string>>;
}

export interface Pair {
  readonly envoy: Said;
  readonly ours: Said;
  readonly about: object;
}

/** Sends generated requests to a real Envoy that holds generated policies, and asks the evaluator the same. */
export async function playRound(
  { ca, server, leaves, tokens }: Stage,
  options: RoundOptions,
): Promise<readonly Pair[]> {
  const { seed } = options;
  const behaviour = behaviourOf(options.envoy.version);
  const variants = variantsOf(tokens.jwks);
  const ports = await freePorts(variants.length);
  const words = { ...wireWords, ports: [...ports.slice(0, 2), 1] };
  const cases = fc.sample(caseOf(words), { numRuns: options.cases, seed });
  const requests = fc.sample(explainRequestOf({ ...wireWords, ports }, tokens.all), {
    numRuns: options.requests,
    seed,
  });
  const compiled = cases.map(filtersOf);
  const managers = variants.map(managerOf);
  await using running = await startEnvoy(
    options.envoy,
    bootstrap({ ca, server, ports, managers, variants, compiled }),
    ports.map((port) => ['127.0.0.1', port] as const),
  );
  const known = new Map<string, Token>(tokens.all.flatMap(({ text, token }) => (token ? [[text, token]] : [])));
  const plan = requests.map((request, index) => {
    const at = index % variants.length;
    return { index, request, at, port: ports[at] ?? 0, chosen: Math.floor(index / variants.length) % cases.length };
  });
  const connections = Map.groupBy(plan, ({ port, request: { principal, clientAddress, sni } }) =>
    [port, principal, clientAddress, sni].join(' '),
  );
  await Promise.all(
    [...connections.values()].map(async (batch) => {
      const [first] = batch;
      if (first === undefined) return;
      const { principal, clientAddress, sni } = first.request;
      const leaf = leaves.get(principal);
      if (principal !== '' && leaf === undefined) throw new Error(`no certificate for ${principal}`);
      await sendTexts(
        { host: '127.0.0.1', port: first.port, ca, as: leaf ?? 'plaintext', from: clientAddress, sni },
        batch.map(({ index, request, chosen }) => head(request, index, chosen)),
      );
    }),
  );
  const seen = new Map(
    (await running.lines(plan.length)).map((line) => {
      const { n, status, details, reports } = parseLine(line);
      return [n, { status, details, reports }] as const;
    }),
  );
  const now = Math.floor(Date.now() / 1000);
  return plan.map(({ index, request, at, port, chosen }) => {
    const manager = managers[at] ?? {};
    const jwt = any(jwtType, jwtAuthentication(variants[at]?.jwt ?? []));
    const trail = runHttp(manager, {
      ...facts(request, port, index, chosen),
      tokens: known,
      now,
      behaviour,
      extension: (name) => (name === names.jwtFilter ? jwt : compiled[chosen]?.get(name)),
    });
    const envoySaid = seen.get(index) ?? { status: 0, details: 'not logged', reports: {} };
    return {
      envoy: envoySaid,
      ours: said(trail),
      about: { index, request, variant: variants[at], case: cases[chosen] },
    };
  });
}

const jwtType = 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication';
const rbacType = 'envoy.extensions.filters.http.rbac.v3.RBAC';
const provider = {
  kind: 'grpc',
  name: 'asker',
  service: 'asker.foo.svc.cluster.local',
  port: 9000,
  timeoutMs: 1000,
  failOpen: false,
  statusOnError: 403,
  body: undefined,
  clearRouteCache: false,
} as const;

type Filters = ReadonlyMap<string, ReturnType<typeof any>>;

function filtersOf({ policies, custom, mesh }: ExplainCase): Filters {
  const slots = { AUDIT: names.rbacAuditFilter, DENY: names.rbacDenyFilter, ALLOW: names.rbacAllowFilter };
  const asked = custom.map((policy) => namedForProvider(forHttp(policy), provider.name));
  const match: HttpRbac = asked.length === 0 ? {} : httpCustomMatch(asked, provider.name, mesh);
  return new Map([
    [names.customMatchFilter(provider.name), any(rbacType, match)],
    [
      names.customAuthorizeFilter(provider.name),
      asked.length === 0
        ? any(rbacType, {})
        : any('envoy.extensions.filters.http.ext_authz.v3.ExtAuthz', httpExtAuthz(provider)),
    ],
    ...actionsOf(policies, 'http').map(
      ([action, rules]) => [slots[action], any(rbacType, httpRbac(action, rules, mesh))] as const,
    ),
  ]);
}

/** What the translator makes for an HTTP chain. */
export function managerOf({ mode }: Variant): Manager {
  const { typedConfig } = inboundHttp(
    { kind: 'service', port: 1, servicePort: 1 },
    [provider.name],
    connectionSettings({ ...defaultMesh, pathNormalization: mode }),
  );
  return decode(
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    typedConfig?.value ?? new Uint8Array(),
  );
}

function facts(
  request: ExplainRequest,
  port: number,
  index: number,
  chosen: number,
): Omit<HttpInput, 'tokens' | 'now' | 'extension' | 'behaviour'> {
  const { principal, clientAddress, sni, method, path, host, headers } = request;
  return {
    connection: {
      peerNames: principal === '' ? undefined : [principal],
      destination: { address: '127.0.0.1', port },
      peerAddress: clientAddress,
      sni,
      tls: principal !== '',
    },
    request: {
      method,
      path,
      host,
      headers: [['x-n', String(index)], ['x-case', String(chosen)], ['content-length', '0'], ...headers],
    },
  };
}

function head({ method, path, host, headers }: ExplainRequest, index: number, chosen: number): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 0\r\nx-n: ${index}\r\nx-case: ${chosen}\r\n${lines}\r\n`;
}

/** What Envoy's details would be, and the metadata that its filters would leave. */
function said(trail: Trail): Said {
  const { outcome, asked, audited, shadows } = trail;
  const reports: Record<string, string> = {};
  for (const { rule } of asked) reports['asked'] = rule;
  for (const rule of audited) reports['audited'] = rule;
  for (const { action, result, rule } of shadows.toSorted((a, b) => (a.action < b.action ? -1 : 1)))
    reports[action] = `${result} ${rule ?? ''}`;
  switch (outcome.kind) {
    case 'passed':
      return { status: 200, details: 'direct_response', reports };
    case 'rule':
      return { status: 403, details: `rbac_access_denied_matched_policy[${outcome.rule}]`, reports };
    case 'no-match':
      return { status: 403, details: 'rbac_access_denied_matched_policy[none]', reports };
    case 'token':
      return { status: jwtStatusCode(outcome.failure), details: 'jwt_authn_access_denied', reports };
    case 'bad-request':
      return { status: 400, details: 'path_normalization_failed', reports };
  }
}

const format = [
  '%REQ(X-N)%',
  '%RESPONSE_CODE%',
  '%RESPONSE_CODE_DETAILS%',
  '%DYNAMIC_METADATA(envoy.filters.http.rbac)%',
];

function parseLine(line: string): Said & { readonly n: number } {
  const [n = '', status = '', details = '', metadata = ''] = line.split('\t');
  const values: Readonly<Record<string, unknown>> = Object(metadata === '-' ? {} : JSON.parse(metadata));
  const text = (key: string): string => String(values[key] ?? '');
  const reports: Record<string, string> = {};
  if (text('istio_ext_authz_asker_shadow_engine_result') === 'denied')
    reports['asked'] = text('istio_ext_authz_asker_shadow_effective_policy_id');
  if (text('coxswain_audit_shadow_engine_result') === 'denied')
    reports['audited'] = text('coxswain_audit_shadow_effective_policy_id');
  for (const action of ['ALLOW', 'DENY']) {
    const prefix = `istio_dry_run_${action.toLowerCase()}_shadow_`;
    const result = text(`${prefix}engine_result`);
    if (result !== '') reports[action] = `${result} ${text(`${prefix}effective_policy_id`)}`;
  }
  return { n: Number(n), status: Number(status), details: details.replace(/\{.*$/, ''), reports };
}

interface World {
  readonly ca: string;
  readonly server: Leaf;
  readonly ports: readonly number[];
  readonly managers: readonly Manager[];
  readonly variants: readonly Variant[];
  readonly compiled: readonly Filters[];
}

function bootstrap({ ca, server, ports, managers, variants, compiled }: World): object {
  const tls = {
    name: 'tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      require_client_certificate: true,
      common_tls_context: {
        tls_certificates: [
          { certificate_chain: { inline_string: server.certificate }, private_key: { inline_string: server.key } },
        ],
        validation_context: { trusted_ca: { inline_string: ca } },
      },
    },
  };
  const routes = compiled.map((filters, index) => ({
    match: { safe_regex: { regex: '(?s:.*)' }, headers: [{ name: 'x-case', string_match: { exact: String(index) } }] },
    direct_response: { status: 200 },
    typed_per_filter_config: Object.fromEntries(
      [...filters]
        .filter(([name]) => name !== names.customAuthorizeFilter(provider.name))
        .map(([name, { value }]) => [
          name,
          anyJson('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', {
            rbac: decode(rbacType, value ?? new Uint8Array()),
          }),
        ]),
    ),
  }));
  const listeners = ports.map((port, index) => {
    const filters = [
      {
        name: 'http',
        typed_config: managerJson(managers[index] ?? {}, variants[index]?.jwt ?? [], routes, `${format.join('\t')}\n`),
      },
    ];
    return {
      name: `listener-${port}`,
      address: { socket_address: { address: '127.0.0.1', port_value: port } },
      // However long a busy machine takes to greet.
      listener_filters_timeout: '0s',
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
    };
  });
  return {
    static_resources: {
      listeners,
      clusters: [{ name: names.blackHoleCluster, type: 'STATIC', connect_timeout: '1s' }],
    },
  };
}

/** The connection manager as it was compiled, but for what comes by discovery, where it leads, and its log. */
export function managerJson(
  manager: Manager,
  jwt: Variant['jwt'],
  routes: readonly object[],
  logFormat: string,
): object {
  const { rds: _, scopedRoutes: __, routeConfig: ___, ...rest } = manager;
  const json = anyJson('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    ...rest,
    accessLog: [],
    httpFilters: (manager.httpFilters ?? []).map(({ name = '', typedConfig }) => ({
      name,
      typedConfig: typedConfig ?? (name === names.jwtFilter ? any(jwtType, jwtAuthentication(jwt)) : any(rbacType, {})),
    })),
  });
  return {
    ...json,
    route_config: { name: 'cases', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    access_log: [
      {
        name: 'file',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
          path: logPath,
          log_format: { text_format_source: { inline_string: logFormat } },
        },
      },
    ],
  };
}

function anyJson<K extends TypeName>(type: K, message: TypeMap[K]): object {
  return { '@type': `type.googleapis.com/${type}`, ...Object(toJson(type, message, { protoNames: true })) };
}
