import {
  type AuthorizationScenario,
  allCut,
  allHeard,
  barSleep,
  bystanders,
  everybody,
  fooSleep,
  http,
  nobody,
  requests,
  scenario,
  tcp,
} from './e2e-authorization-words.ts';
import { allow, deny, from, to } from './e2e-policies.ts';

/** Conditions on what is called; those that need a request fail closed on a TCP port. */
export const operations: readonly AuthorizationScenario[] = [
  scenario(
    'ALLOW one path',
    [allow([to({ paths: ['/ok'] })])],
    http('GET /ok', 200, 200, 200),
    allCut,
    bystanders,
    requests({ '/': 403, '/ok?x=1': 200, '/ok/': 403, '/OK': 403, '/okay': 403, '//ok': 403, '/x/../ok': 200 }),
  ),
  scenario(
    'ALLOW paths by prefix',
    [allow([to({ paths: ['/api/*'] })])],
    allCut,
    requests({ '/api/': 200, '/api/v1?x=/admin': 200, '/api': 403, '/x/api/': 403, '/api/../admin': 403 }),
  ),
  scenario(
    'ALLOW paths by suffix',
    [allow([to({ paths: ['*.txt'] })])],
    allCut,
    requests({ '/a.txt': 200, '/.txt': 200, '/a.txt?x=1': 200, '/a.txt/': 403, '/atxt': 403, '/?x=a.txt': 403 }),
  ),
  scenario('ALLOW any path', [allow([to({ paths: ['*'] })])], everybody, allCut),
  scenario(
    'ALLOW all but one path',
    [allow([to({ notPaths: ['/admin'] })])],
    allCut,
    requests({ '/': 200, '/admin': 403, '/admin?x=1': 403, '/admin/': 200 }),
  ),
  scenario(
    'ALLOW either of two operations',
    [allow([to({ methods: ['GET'], paths: ['/ok'] }, { methods: ['POST'], paths: ['/in'] })])],
    allCut,
    requests({ '/ok': 200, 'POST /in': 200, 'POST /ok': 403, '/in': 403 }),
  ),
  scenario(
    'DENY one path',
    [deny([to({ paths: ['/admin'] })])],
    http('GET /admin', 403, 403, 403),
    allCut,
    bystanders,
    requests({ '/': 200, '/x': 200, '/admin?x=1': 403, '/admin/': 200, '//admin': 200, '/x/../admin': 403 }),
  ),
  scenario('DENY all but one path', [deny([to({ notPaths: ['/ok'] })])], allCut, requests({ '/ok': 200, '/': 403 })),

  scenario(
    'ALLOW one method',
    [allow([to({ methods: ['GET'] })])],
    everybody,
    allCut,
    requests({ 'POST /': 403, 'PUT /': 403, 'HEAD /': 403 }),
  ),
  scenario(
    'ALLOW methods by prefix',
    [allow([to({ methods: ['P*'] })])],
    allCut,
    requests({ 'POST /': 200, 'PUT /': 200, 'GET /': 403 }),
  ),
  scenario(
    'ALLOW all but one method',
    [allow([to({ notMethods: ['POST'] })])],
    allCut,
    requests({ 'GET /': 200, 'PUT /': 200, 'POST /': 403 }),
  ),
  scenario(
    'DENY one method',
    [deny([to({ methods: ['POST'] })])],
    allCut,
    requests({ 'GET /': 200, 'PUT /': 200, 'POST /': 403 }),
  ),
  scenario(
    'DENY all but one method',
    [deny([to({ notMethods: ['GET'] })])],
    everybody,
    allCut,
    requests({ 'POST /': 403 }),
  ),

  scenario('ALLOW one host', [allow([to({ hosts: ['server.foo.svc.cluster.local'] })])], allCut, [
    'sleep.foo GET / as server.foo.svc.cluster.local gets 200',
    'sleep.legacy GET / as server.foo.svc.cluster.local gets 200',
    'sleep.legacy GET / as Server.Foo.SVC.cluster.local gets 200',
    'sleep.legacy GET / as server.foo.svc.cluster.local:80 gets 200',
    'sleep.foo GET / as server gets 403',
    'sleep.legacy GET / as server.foo gets 403',
  ]),
  scenario('ALLOW hosts by prefix and by suffix', [allow([to({ hosts: ['server.foo*', '*.test'] })])], allCut, [
    'sleep.foo GET / as server.foo.svc.cluster.local gets 200',
    'sleep.legacy GET / as server.foo:80 gets 200',
    'sleep.legacy GET / as any.test gets 200',
    'sleep.legacy GET / as any.test:80 gets 200',
    'sleep.foo GET / as server gets 403',
  ]),
  scenario('ALLOW all but one host', [allow([to({ notHosts: ['evil.test'] })])], allCut, [
    'sleep.legacy GET / as server.foo gets 200',
    'sleep.legacy GET / as evil.test gets 403',
    'sleep.legacy GET / as EVIL.test gets 403',
  ]),
  scenario('DENY one host', [deny([to({ hosts: ['evil.test'] })])], allCut, [
    'sleep.foo GET / gets 200',
    'sleep.legacy GET / as evil.test gets 403',
    'sleep.legacy GET / as Evil.Test gets 403',
    'sleep.legacy GET / as evil.test:80 gets 403',
    'sleep.legacy GET / as evil.test. gets 403',
    'sleep.legacy GET / as evil.test.other gets 200',
  ]),

  scenario('ALLOW the port of HTTP', [allow([to({ ports: ['8080'] })])], everybody, allCut),
  scenario(
    'ALLOW the port of the service, which is not that of the workload',
    [allow([to({ ports: ['80'] })])],
    nobody,
    allCut,
  ),
  scenario(
    'ALLOW one TCP port',
    [allow([to({ ports: ['9000'] })])],
    nobody,
    allHeard,
    tcp('cut off', 'cut off', 'cut off', 'other tcp'),
  ),
  scenario(
    'ALLOW all but one port',
    [allow([to({ notPorts: ['9000'] })])],
    everybody,
    allCut,
    tcp('heard', 'heard', 'heard', 'other tcp'),
  ),
  scenario(
    'DENY one TCP port',
    [deny([to({ ports: ['9000'] })])],
    everybody,
    allCut,
    tcp('heard', 'heard', 'heard', 'other tcp'),
  ),
  scenario(
    'DENY all but one port',
    [deny([to({ notPorts: ['9001'] })])],
    nobody,
    allCut,
    tcp('heard', 'heard', 'heard', 'other tcp'),
  ),
  scenario(
    'DENY one method on the port of HTTP',
    [deny([to({ methods: ['POST'], ports: ['8080'] })])],
    everybody,
    allHeard,
    requests({ 'POST /': 403 }),
  ),
  scenario(
    'ALLOW a principal on a TCP port',
    [allow([{ ...from({ principals: [fooSleep] }), ...to({ ports: ['9000'] }) }])],
    nobody,
    tcp('heard', 'cut off', 'cut off'),
    tcp('cut off', 'cut off', 'cut off', 'other tcp'),
  ),
  scenario(
    'ALLOW a method by a principal, and a port by another',
    [
      allow([
        { ...from({ principals: [fooSleep] }), ...to({ methods: ['GET'] }) },
        { ...from({ principals: [barSleep] }), ...to({ ports: ['9000'] }) },
      ]),
    ],
    http('GET /', 200, 403, 403),
    tcp('cut off', 'heard', 'cut off'),
  ),
];

/** Values are what they are: no character of theirs is a pattern's. */
export const metacharacters: readonly AuthorizationScenario[] = [
  scenario(
    'ALLOW paths that look like patterns',
    [allow([to({ paths: ['/a.b', '/c+', '/(d)', '/e|/f', '/[g]', '/$h', '/i*j*'] })])],
    requests({
      '/a.b': 200,
      '/axb': 403,
      '/c+': 200,
      '/c': 403,
      '/cc': 403,
      '/(d)': 200,
      '/d': 403,
      '/e|/f': 403, // normalised to /e%7C/f before it is compared
      '/e': 403,
      '/f': 403,
      '/[g]': 200,
      '/g': 403,
      '/$h': 200,
      '/i*j': 200,
      '/i*jk': 200,
      '/ij': 403,
      '/ixj': 403,
    }),
  ),
  scenario(
    'ALLOW path suffixes that look like patterns',
    [allow([to({ paths: ['*.b+', '*(c)'] })])],
    requests({ '/a.b+': 200, '/axb+': 403, '/a.bb': 403, '/x(c)': 200, '/xc': 403 }),
  ),
  scenario(
    'ALLOW principals that look like patterns',
    [
      allow([
        from({ principals: ['cluster.local/ns/foo/sa/sl..p', 'cluster.local/ns/.+/sa/.*', '*/sa/sle+p', '*sl.ep'] }),
      ]),
    ],
    nobody,
    allCut,
  ),
  scenario(
    'ALLOW methods and hosts that look like patterns',
    [allow([to({ methods: ['GE.'] }, { hosts: ['server.fo.', '*fo.'] })])],
    nobody,
  ),
  scenario(
    'DENY a path prefix that looks like a pattern for everything',
    [deny([to({ paths: ['/.*'], ports: ['8080'] })])],
    requests({ '/': 200, '/admin': 200, '/.*': 403, '/.x': 403, '/.': 200 }),
  ),
];
