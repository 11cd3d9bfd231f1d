import { execFile } from 'node:child_process';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type TypeMap, type TypeName, toJson } from '@envoyproxy/protos';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  type AuthorizationPolicy,
  type AuthorizationRule,
  anyOperation,
  anySource,
  type Condition,
  type MatchSet,
  type Source,
} from '../../../src/model/authorization-policy.ts';
import { type StringMatch, stringMatch } from '../../../src/model/match.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import { httpRbac, networkRbac } from '../../../src/translate/envoy/rbac.ts';
import { forHttp } from '../../../src/translate/policy/authorization.ts';
import { forTcp } from '../../../src/translate/policy/authorization-tcp.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { policy } from '../../support/rbac-policies.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const tools = resolve(import.meta.dirname, '../../../.tools');
const run = promisify(execFile);
const types = 'type.googleapis.com/envoy.extensions.filters';

/** One value in every place that takes a text. */
function everywhere(value: StringMatch): readonly AuthorizationRule[] {
  const set: MatchSet<StringMatch> = { values: [value], notValues: [value] };
  const texts = (['source.principal', 'source.namespace', 'source.trustDomain', 'connection.sni'] as const).map(
    (key): Condition => ({ key, ...set }),
  );
  const claims = (['request.auth.audiences', 'request.auth.presenter'] as const).map(
    (key): Condition => ({ key, ...set }),
  );
  const word = value.kind === 'present' || value.value === '' ? 'x' : value.value;
  const principals = [{ issuer: value, subject: value }];
  const source: Source = {
    ...anySource,
    principals: set,
    namespaces: set,
    trustDomains: set,
    requestPrincipals: { values: principals, notValues: principals },
    serviceAccounts: { values: [{ namespace: word, name: word }], notValues: [] },
  };
  const when: readonly Condition[] = [
    ...texts,
    ...claims,
    { key: 'request.auth.claims', claim: [word, word], ...set },
    { key: 'request.headers', header: 'x-team', ...set },
    {
      key: 'experimental.envoy.filters',
      filter: 'envoy.filters.http.x',
      path: [word],
      values: [{ match: value, inList: true }],
      notValues: [{ match: value, inList: false }],
    },
  ];
  return [{ from: [source], to: [{ ...anyOperation, hosts: set, methods: set, paths: set }], when }];
}

/** As long as decoding lets them be, at the limits of RE2, and whatever a generator thinks of. */
function values(): readonly StringMatch[] {
  const lengths = [1, 56, 57, 58, 61, 62, 63, 64, 80, 81, 100, 253, 1_000, 5_000];
  const letters = ['n', '.', '\\', 'é', '😀', '\n', '*', '/', ':', ']', ',', "'", '\u2028', '\x7f', '(', '\\Q', '\\C'];
  const long = lengths.flatMap((length) =>
    letters.flatMap((letter) => {
      const text = letter.repeat(Math.ceil(length / letter.length));
      return [text, `${text}*`, `*${text}`, `${text.slice(0, length / 2)}*${text.slice(length / 2)}`].map(stringMatch);
    }),
  );
  const any = fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }).filter((text) => text.isWellFormed());
  const wild = fc.record({ kind: fc.constantFrom('exact', 'prefix', 'suffix'), value: any });
  return [...long, { kind: 'present' }, ...fc.sample(wild, { numRuns: 300, seed })];
}

function filter<K extends TypeName>(type: K, message: TypeMap[K]): object {
  return { name: 'rbac', typed_config: { '@type': `type.googleapis.com/${type}`, ...Object(toJson(type, message)) } };
}

/** A listener with all of these policies, on HTTP and on TCP, for and against. */
function bootstrap(policies: readonly AuthorizationPolicy[]): object {
  const actions = ['DENY', 'ALLOW'] as const;
  const http = actions.map((action) =>
    filter(
      'envoy.extensions.filters.http.rbac.v3.RBAC',
      httpRbac(action, { enforced: policies.map(forHttp), dryRun: [] }, defaultMesh),
    ),
  );
  const tcp = actions.map((action) => {
    const rules = { enforced: policies.map((each) => forTcp({ ...each, action }).rules), dryRun: [] };
    return filter('envoy.extensions.filters.network.rbac.v3.RBAC', networkRbac(action, rules, defaultMesh) ?? {});
  });
  const manager = {
    '@type': `${types}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'http',
    http_filters: [...http, { name: 'router', typed_config: { '@type': `${types}.http.router.v3.Router` } }],
    route_config: { virtual_hosts: [] },
  };
  const filters = [...tcp, { name: 'http', typed_config: manager }];
  const address = { socket_address: { address: '127.0.0.1', port_value: 1 } };
  return { static_resources: { listeners: [{ address, filter_chains: [{ filters }] }] } };
}

/** One value that Envoy refuses would take every other policy of a workload with it. */
describe(`RBAC of any value (SEED=${seed})`, () => {
  const policies = values().map((value, index) => ({
    ...policy(`p${index}`, 'DENY', []),
    rules: everywhere(value),
  }));

  for (const version of envoyVersions) {
    it(`is taken by Envoy ${version}`, async () => {
      expect(policies.length).to.be.greaterThan(1_000);
      await using folder = await mkdtempDisposable(join(tmpdir(), 'coxswain-accepted-'));
      const file = join(folder.path, 'envoy.json');
      await writeFile(file, JSON.stringify(bootstrap(policies)));
      const settings = ['--mode', 'validate', '--disable-hot-restart', '--log-level', 'error'];
      const said = await run(`${tools}/envoy-${version}/envoy`, ['-c', file, ...settings]).then(
        ({ stdout }) => stdout,
        (error: unknown) => String(Object(error).stderr).slice(0, 2_000),
      );
      expect(said).to.contain(' OK');
    });
  }
});
