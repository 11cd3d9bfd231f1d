import { byClient, byHeader, byPort, byRequest, type FieldRow, type Request, type RowWorld } from './e2e-fields.ts';
import { type Rule, when } from './e2e-policies.ts';
import type { Client } from './e2e-world.ts';

const [foo, bar, legacy] = ['sleep.foo', 'sleep.bar', 'sleep.legacy'] as const;
const everybody: readonly Client[] = [foo, bar, legacy];
const mesh: readonly Client[] = [foo, bar];

const is = (key: string, ...values: readonly string[]): Rule => when({ key, values });
const isNot = (key: string, ...notValues: readonly string[]): Rule => when({ key, notValues });

const sources: readonly FieldRow[] = [
  byClient('source.principal', 'exact', is('source.principal', 'cluster.local/ns/foo/sa/sleep'), {
    match: [foo],
    miss: [bar, legacy],
  }),
  byClient('source.principal', 'any', is('source.principal', '*'), { match: mesh, miss: [legacy] }),
  byClient('source.principal', 'not', isNot('source.principal', '*/ns/foo/sa/sleep'), {
    match: [bar, legacy],
    miss: [foo],
  }),
  byClient('source.namespace', 'exact', is('source.namespace', 'bar'), { match: [bar], miss: [foo, legacy] }),
  byClient('source.namespace', 'suffix', is('source.namespace', '*o'), { match: [foo], miss: [bar, legacy] }),
  byClient('source.namespace', 'not', isNot('source.namespace', 'foo'), { match: [bar, legacy], miss: [foo] }),
  byClient('source.serviceAccount', 'with its namespace', is('source.serviceAccount', 'bar/sleep'), {
    match: [bar],
    miss: [foo, legacy],
  }),
  byClient('source.serviceAccount', 'of the policy’s namespace', is('source.serviceAccount', 'sleep'), {
    match: [foo],
    miss: [bar, legacy],
  }),
  byClient('source.serviceAccount', 'not', isNot('source.serviceAccount', 'sleep'), {
    match: [bar, legacy],
    miss: [foo],
  }),
  byClient('source.trustDomain', 'exact', is('source.trustDomain', 'cluster.local'), { match: mesh, miss: [legacy] }),
  byClient('source.trustDomain', 'another', is('source.trustDomain', 'cluster.loca', '*.example'), { miss: everybody }),
  byClient('source.trustDomain', 'not', isNot('source.trustDomain', 'cluster*'), { match: [legacy], miss: mesh }),
  byClient('source.ip', 'one address', ({ ip }) => is('source.ip', ip('sleep.foo')), {
    match: [foo],
    miss: [bar, legacy],
  }),
  byClient('source.ip', 'not', ({ ip }) => isNot('source.ip', `${ip('sleep.legacy')}/32`), {
    match: mesh,
    miss: [legacy],
  }),
  byHeader('source.ip', 'whatever a header says', is('source.ip', '192.0.2.7'), {
    miss: [{ headers: { 'x-forwarded-for': '192.0.2.7' } }],
  }),
  byClient('remote.ip', 'one address', ({ ip }) => is('remote.ip', ip('sleep.foo')), {
    match: [foo],
    miss: [bar, legacy],
  }),
  byHeader('remote.ip', 'the last address in X-Forwarded-For', is('remote.ip', '192.0.2.7'), {
    match: [{ headers: { 'x-forwarded-for': '192.0.2.7' } }],
    miss: [{}, { headers: { 'x-forwarded-for': '192.0.2.7,192.0.2.8' } }],
  }),
];

const own = ({ ip, server }: RowWorld): string => ip(server);
const sni =
  (port: string) =>
  ({ server }: RowWorld) =>
    is('connection.sni', `outbound_.${port}_._.${server}.svc.cluster.local`);

const destinations: readonly FieldRow[] = [
  byPort('destination.ip', 'the pod’s own', (world) => is('destination.ip', own(world)), true, true),
  byPort('destination.ip', 'another pod’s', ({ ip }) => is('destination.ip', ip('sleep.foo')), false, false),
  byPort('destination.ip', 'not', (world) => isNot('destination.ip', `${own(world)}/32`), false, false),
  byPort('destination.port', 'that of TCP', is('destination.port', '9000'), false, true),
  byPort('destination.port', 'that of the service', is('destination.port', '80'), false, false),
  byPort('destination.port', 'not', isNot('destination.port', '9000', '1'), true, false),
  byClient(
    'connection.sni',
    'of the service, whichever port',
    ({ server }) => is('connection.sni', `*_._.${server}.svc.cluster.local`),
    {
      match: mesh,
      miss: [legacy],
    },
  ),
  byClient('connection.sni', 'any', is('connection.sni', '*'), { match: mesh, miss: [legacy] }),
  byClient('connection.sni', 'not', isNot('connection.sni', 'outbound_*'), { match: [legacy], miss: mesh }),
  byClient(
    'connection.sni',
    'that look like patterns',
    is('connection.sni', 'outbound_..*', '*.cluster.loca.', '*cluster[.]local'),
    {
      miss: everybody,
    },
  ),
  {
    ...byPort('connection.sni', 'exact', sni('9000'), false, true),
    tries: mesh.flatMap((client) => [
      { client, request: { path: '/' }, port: 'http', matches: false } as const,
      { client, port: 'tcp', matches: true } as const,
    ]),
  },
];

const withTeam = (...values: readonly (string | readonly string[])[]): readonly Request[] =>
  values.map((value) => ({ headers: { 'x-team': value } }));
const team = 'request.headers[X-Team]';

const headers: readonly FieldRow[] = [
  byRequest('request.headers', 'exact', is(team, 'red'), {
    match: [...withTeam('red'), { headers: { 'X-TEAM': 'red' } }],
    miss: [{}, ...withTeam('Red', 'redder', 're', 'red blue', ''), { headers: { 'x-teams': 'red' } }],
  }),
  byRequest('request.headers', 'prefix', is(team, 're*'), {
    match: withTeam('red', 're'),
    miss: [{}, ...withTeam('Red', 'ared')],
  }),
  byRequest('request.headers', 'suffix', is(team, '*ed'), {
    match: withTeam('red', 'ed'),
    miss: [{}, ...withTeam('reD', 'edx')],
  }),
  byRequest('request.headers', 'present', is(team, '*'), { match: withTeam('red', '*'), miss: [{}] }),
  // Each line is looked at by itself (Envoy 1.40; 1.36 allows only for the whole of them, with commas in between).
  byRequest('request.headers', 'exact, in one line of several', is(team, 'red'), {
    match: withTeam(['red', 'blue'], ['blue', 'red']),
    miss: withTeam(['blue', 'green']),
  }),
  byRequest('request.headers', 'exact, with a comma', is(team, 'red,blue'), {
    match: withTeam('red,blue'),
    miss: withTeam('red', ['blue', 'red']),
  }),
  byRequest('request.headers', 'not', isNot(team, 'red', 'blue*'), {
    match: [{}, ...withTeam('green', 'Red')],
    miss: withTeam('red', 'blue', 'blues'),
  }),
  byRequest('request.headers', 'absent', isNot(team, '*'), { match: [{}], miss: withTeam('red') }),
  byRequest('request.headers', 'that look like patterns', is(team, 'r.d', 'b+', '(x|y)', 'g*n', 'h.*'), {
    match: withTeam('r.d', 'b+', '(x|y)', 'g*n', 'h.x'),
    miss: withTeam('red', 'b', 'bb', 'x', 'gn', 'gxn', 'hax'),
  }),
  byRequest('request.headers', 'of Host', is('request.headers[Host]', 'evil.test'), {
    match: [{ host: 'evil.test' }],
    miss: [{ host: 'evil.test:80' }, { host: 'good.test' }],
  }),
  byRequest(
    'request.headers',
    'and another condition',
    when({ key: team, values: ['red'] }, { key: 'request.headers[x-level]', notValues: ['low'] }),
    {
      match: [...withTeam('red'), { headers: { 'x-team': 'red', 'x-level': 'high' } }],
      miss: [{}, { headers: { 'x-team': 'red', 'x-level': 'low' } }, { headers: { 'x-level': 'high' } }],
    },
  ),
];

const metadata = 'experimental.envoy.filters.network.mysql_proxy[db.table]';

const rest: readonly FieldRow[] = [
  byClient('experimental.envoy.filters', 'of a filter that isn’t there', is(metadata, '[select]'), { miss: everybody }),
  byClient('experimental.envoy.filters', 'not', isNot(metadata, '[select]', 'x*'), { match: everybody }),
  ...['request.auth.principal', 'request.auth.audiences', 'request.auth.presenter', 'request.auth.claims[iss]'].flatMap(
    (key) => [
      byRequest(key, 'without a token', is(key, '*'), { miss: ['/'] }),
      byRequest(key, 'not, without a token', isNot(key, '*'), { match: ['/'] }),
    ],
  ),
  byClient(
    'two conditions',
    'both',
    when(
      { key: 'source.namespace', values: ['foo', 'bar'] },
      { key: 'source.principal', notValues: ['*/ns/bar/sa/sleep'] },
    ),
    {
      match: [foo],
      miss: [bar, legacy],
    },
  ),
  byRequest(
    'condition and operation',
    'both',
    { ...is(team, 'red'), to: [{ operation: { paths: ['/ok'] } }] },
    {
      match: [{ path: '/ok', headers: { 'x-team': 'red' } }],
      miss: [{ path: '/ok' }, { path: '/no', headers: { 'x-team': 'red' } }],
    },
  ),
];

/** Every key of `when`. What a token holds is shown where there are tokens. */
export const whenRows: readonly FieldRow[] = [...sources, ...destinations, ...headers, ...rest];
