import { execFile } from 'node:child_process';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { toJson } from '@envoyproxy/protos';
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
import { httpRbac } from '../../../src/translate/envoy/rbac.ts';
import { forHttp } from '../../../src/translate/policy/authorization.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { policy } from '../../support/rbac-policies.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const tools = resolve(import.meta.dirname, '../../../.tools');
const run = promisify(execFile);
const types = 'type.googleapis.com/envoy.extensions.filters';
const rbacType = `${types}.http.rbac.v3.RBAC`;

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
  const lengths = [2, 56, 58, 60, 62, 64, 80, 82, 254, 1_000];
  const letters = ['n', '.', '\\', 'é', '😀', '\n', '*', ':', '\\C'];
  const long = lengths.flatMap((length) =>
    letters.flatMap((letter) => {
      const part = letter.repeat(Math.ceil(length / letter.length / 2));
      return [part + part, `${part}${part}*`, `*${part}${part}`, `${part}*${part}`].map(stringMatch);
    }),
  );
  const any = fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }).filter((text) => text.isWellFormed());
  const wild = fc.record({ kind: fc.constantFrom('exact', 'prefix', 'suffix'), value: any });
  return [...long, { kind: 'present' }, ...fc.sample(wild, { numRuns: 150, seed })];
}

/** A listener with all of these policies: on HTTP, where every field counts. */
function bootstrap(policies: readonly AuthorizationPolicy[]): object {
  const rbac = httpRbac('DENY', { enforced: policies.map(forHttp), dryRun: [] }, defaultMesh);
  const manager = {
    '@type': `${types}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'http',
    http_filters: [
      {
        name: 'rbac',
        typed_config: { '@type': rbacType, ...Object(toJson('envoy.extensions.filters.http.rbac.v3.RBAC', rbac)) },
      },
      { name: 'router', typed_config: { '@type': `${types}.http.router.v3.Router` } },
    ],
    route_config: { virtual_hosts: [] },
  };
  const address = { socket_address: { address: '127.0.0.1', port_value: 1 } };
  const filters = [{ name: 'http', typed_config: manager }];
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
      expect(policies.length).to.equal(511);
      await using folder = await mkdtempDisposable(join(tmpdir(), 'coxswain-accepted-'));
      const file = join(folder.path, 'envoy.json');
      await writeFile(file, JSON.stringify(bootstrap(policies)));
      const settings = ['--mode', 'validate', '--disable-hot-restart', '--log-level', 'error'];
      const said = await run(`${tools}/envoy-${version}/envoy`, ['-c', file, ...settings]).then(
        ({ stdout }) => stdout,
        (error: unknown) => String(Object(error).stderr).slice(-2_000),
      );
      expect(said).to.match(/ OK\s*$/);
    });
  }
});
