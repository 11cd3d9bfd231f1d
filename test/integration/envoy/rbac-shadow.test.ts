import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TypeMap, type TypeName, toJson } from '@envoyproxy/protos';
import { expect } from 'chai';
import type { AuthorizationAction, AuthorizationPolicy } from '../../../src/model/authorization-policy.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import {
  type ActionRules,
  httpCustomMatch,
  httpRbac,
  networkCustomMatch,
  networkRbac,
} from '../../../src/translate/envoy/rbac.ts';
import { forHttp, namedForProvider, type PolicyRules } from '../../../src/translate/policy/authorization.ts';
import { forTcp } from '../../../src/translate/policy/authorization-tcp.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { freePorts } from '../../support/free-ports.ts';
import { policy } from '../../support/rbac-policies.ts';
import { eventually } from '../../support/sandbox.ts';

const tools = resolve(import.meta.dirname, '../../../.tools');
const types = 'type.googleapis.com/envoy.extensions';

/** A policy about a path; on TCP, where there is none, about port 1, which is nobody's, or about all. */
const about = (name: string, action: AuthorizationAction, path: string): AuthorizationPolicy =>
  policy(name, action, [{ to: [path.startsWith('/') ? { paths: [path] } : path === 'none' ? { ports: [1] } : {}] }]);
const only = (...enforced: readonly PolicyRules[]): ActionRules => ({ enforced, dryRun: [] });

function filter<K extends TypeName>(type: K, message: TypeMap[K]): object {
  return { name: 'rbac', typed_config: { '@type': `type.googleapis.com/${type}`, ...Object(toJson(type, message)) } };
}

/** Filters as on a chain whose workload has two providers, one's name beginning like the other's, and policies of all actions. */
function httpFilters(): readonly object[] {
  const of = (...args: Parameters<typeof about>) => forHttp(about(...args));
  const asked = (provider: string, path: string) =>
    httpCustomMatch([namedForProvider(of(`for-${provider}`, 'CUSTOM', path), provider)], provider, defaultMesh);
  return [
    asked('a', '/a'),
    asked('a-b', '/b'),
    httpRbac('AUDIT', only(of('audit', 'AUDIT', '/a')), defaultMesh),
    httpRbac('DENY', { enforced: [of('deny', 'DENY', '/deny')], dryRun: [of('would', 'DENY', '/a')] }, defaultMesh),
    httpRbac('ALLOW', { enforced: [of('allow', 'ALLOW', 'all')], dryRun: [of('might', 'ALLOW', '/a')] }, defaultMesh),
  ].map((each) => filter('envoy.extensions.filters.http.rbac.v3.RBAC', each));
}

function networkFilters(): readonly object[] {
  const of = (...args: Parameters<typeof about>) => forTcp(about(...args)).rules;
  const asked = (provider: string, what: string) =>
    networkCustomMatch([namedForProvider(of(`for-${provider}`, 'CUSTOM', what), provider)], provider, defaultMesh);
  return [
    asked('a', 'all'),
    asked('a-b', 'none'),
    networkRbac('AUDIT', only(of('audit', 'AUDIT', 'all')), defaultMesh),
    networkRbac('DENY', { enforced: [of('deny', 'DENY', 'none')], dryRun: [of('would', 'DENY', '/a')] }, defaultMesh),
    networkRbac(
      'ALLOW',
      { enforced: [of('allow', 'ALLOW', 'all')], dryRun: [of('might', 'ALLOW', '/a')] },
      defaultMesh,
    ),
  ].map((each) => filter('envoy.extensions.filters.network.rbac.v3.RBAC', each ?? {}));
}

function bootstrap(httpPort: number, tcpPort: number, path: string): object {
  const log = (format: string) => [
    {
      name: 'file',
      typed_config: {
        '@type': `${types}.access_loggers.file.v3.FileAccessLog`,
        path,
        log_format: { text_format_source: { inline_string: `${format}\n` } },
      },
    },
  ];
  const listener = (port: number, filters: readonly object[], more: object = {}) => ({
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [{ filters }],
    ...more,
  });
  const manager = {
    '@type': `${types}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'http',
    access_log: log('%REQ(:PATH)% %DYNAMIC_METADATA(envoy.filters.http.rbac)%'),
    http_filters: [
      ...httpFilters(),
      { name: 'router', typed_config: { '@type': `${types}.filters.http.router.v3.Router` } },
    ],
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] },
      ],
    },
  };
  const echo = { name: 'echo', typed_config: { '@type': `${types}.filters.network.echo.v3.Echo` } };
  return {
    static_resources: {
      listeners: [
        listener(httpPort, [{ name: 'http', typed_config: manager }]),
        listener(tcpPort, [...networkFilters(), echo], {
          access_log: log('tcp %DYNAMIC_METADATA(envoy.filters.network.rbac)%'),
        }),
      ],
    },
  };
}

const rule = (name: string, prefix = ''): string => `${prefix}ns[foo]-policy[${name}]-rule[0]`;

/** Keys that a shadow rule leaves when one matches, or none. */
function shadow(prefix: string, result: 'allowed' | 'denied', matched?: string): object {
  return {
    [`${prefix}_shadow_engine_result`]: result,
    ...(matched !== undefined && { [`${prefix}_shadow_effective_policy_id`]: matched }),
  };
}

/** By path, and `tcp`. The keys `enforced_…` are those of the last filter that decided; a connection has none. */
const expected = {
  '/a': {
    enforced_engine_result: 'allowed',
    enforced_effective_policy_id: rule('allow'),
    ...shadow('istio_ext_authz_a', 'denied', rule('for-a', 'istio-ext-authz-a-')),
    ...shadow('istio_ext_authz_a-b', 'allowed'),
    ...shadow('coxswain_audit', 'denied', rule('audit')),
    ...shadow('istio_dry_run_deny', 'denied', rule('would')),
    ...shadow('istio_dry_run_allow', 'allowed', rule('might')),
  },
  '/b': {
    enforced_engine_result: 'allowed',
    enforced_effective_policy_id: rule('allow'),
    ...shadow('istio_ext_authz_a', 'allowed'),
    ...shadow('istio_ext_authz_a-b', 'denied', rule('for-a-b', 'istio-ext-authz-a-b-')),
    ...shadow('coxswain_audit', 'allowed'),
    ...shadow('istio_dry_run_deny', 'allowed'),
    ...shadow('istio_dry_run_allow', 'denied'),
  },
  '/deny': {
    enforced_engine_result: 'denied',
    enforced_effective_policy_id: rule('deny'),
    ...shadow('istio_ext_authz_a', 'allowed'),
    ...shadow('istio_ext_authz_a-b', 'allowed'),
    ...shadow('coxswain_audit', 'allowed'),
    ...shadow('istio_dry_run_deny', 'allowed'),
  },
  tcp: {
    ...shadow('istio_ext_authz_a', 'denied', rule('for-a', 'istio-ext-authz-a-')),
    ...shadow('istio_ext_authz_a-b', 'allowed'),
    ...shadow('coxswain_audit', 'denied', rule('audit')),
    ...shadow('istio_dry_run_deny', 'denied', rule('would')),
    ...shadow('istio_dry_run_allow', 'denied'),
  },
};

for (const version of envoyVersions) {
  describe(`verdicts in the metadata of Envoy ${version}`, () => {
    it('are told apart by provider, action and dry run, for requests and connections', async () => {
      await using folder = await mkdtempDisposable(join(tmpdir(), 'coxswain-shadow-'));
      const [httpPort = 0, tcpPort = 0] = await freePorts(2);
      const [file, log] = [join(folder.path, 'envoy.json'), join(folder.path, 'log')];
      await writeFile(file, JSON.stringify(bootstrap(httpPort, tcpPort, log)));
      const settings = ['--disable-hot-restart', '--concurrency', '1', '--log-level', 'error'];
      const flush = ['--file-flush-interval-msec', '20'];
      const envoy = spawn(`${tools}/envoy-${version}/envoy`, ['-c', file, ...settings, ...flush], { stdio: 'inherit' });
      try {
        await eventually('Envoy to answer', async () => {
          const answer = await fetch(`http://127.0.0.1:${httpPort}/first`).catch(() => undefined);
          return answer?.status === 200 ? true : undefined;
        });
        for (const path of ['/a', '/b', '/deny']) {
          await (await fetch(`http://127.0.0.1:${httpPort}${path}`)).text();
        }
        const socket = connect(tcpPort, '127.0.0.1');
        socket.write('hello');
        await once(socket, 'data');
        socket.end();
        await once(socket, 'close');
        const lines = await eventually('five lines of log', async () => {
          const text = await readFile(log, 'utf8').catch(() => '');
          const whole = text.split('\n').slice(0, -1);
          return whole.length >= 5 ? whole : undefined;
        });
        const seen = lines.map((line) => [line.slice(0, line.indexOf(' ')), JSON.parse(line.slice(line.indexOf(' ')))]);
        const { '/first': _, ...asked } = Object.fromEntries(seen);
        expect(asked).to.deep.equal(expected);
      } finally {
        const exited = once(envoy, 'exit');
        envoy.kill('SIGKILL');
        await exited;
      }
    });
  });
}
