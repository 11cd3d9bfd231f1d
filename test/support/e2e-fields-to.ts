import { byPort, byRequest, type FieldRow, type Request } from './e2e-fields.ts';
import { to } from './e2e-policies.ts';

const as = (...hosts: readonly string[]): readonly Request[] => hosts.map((host) => ({ host }));
const at = (paths: string): readonly string[] => paths.split(' ');

const hosts: readonly FieldRow[] = [
  byRequest('hosts', 'exact', to({ hosts: ['evil.test'] }), {
    match: as('evil.test', 'EVIL.Test', 'evil.test:80', 'evil.test:', 'evil.test.', 'evil.test.:8080'),
    miss: as('evil.test.other', 'notevil.test', 'evil.tes', 'x.evil.test', 'eviltest', 'evil.test.x:80'),
  }),
  byRequest('hosts', 'exact, in capitals and with a dot at the end', to({ hosts: ['EVIL.Test'] }), {
    match: as('evil.test', 'evil.test:80', 'EVIL.TEST.'),
    miss: as('evil.tes'),
  }),
  byRequest('hosts', 'suffix', to({ hosts: ['*.test'] }), {
    match: as('evil.test', 'a.b.TEST', 'evil.test:80', 'evil.test.', '.test'),
    miss: as('test', 'evil.test.x', 'eviltest', 'evil.test-x:80'),
  }),
  byRequest('hosts', 'prefix', to({ hosts: ['evil.*'] }), {
    match: as('evil.test', 'EVIL.x:80', 'evil.test.'),
    miss: as('x.evil.test', 'evil', 'evil:80'),
  }),
  byRequest('hosts', 'any', to({ hosts: ['*'] }), { match: as('x', 'evil.test:80') }),
  byRequest('hosts', 'with a port', to({ hosts: ['evil.test:8080'] }), {
    match: as('evil.test:8080', 'EVIL.test:8080'),
    miss: as('evil.test', 'evil.test:80', 'evil.test:80800'),
  }),
  byRequest('hosts', 'an IPv6 address', to({ hosts: ['[2001:db8::1]'] }), {
    match: as('[2001:db8::1]', '[2001:DB8::1]', '[2001:db8::1]:80'),
    miss: as('[2001:db8::2]', '[2001:db8::1:80]'),
  }),
  byRequest(
    'hosts',
    'that look like patterns',
    to({ hosts: ['evil.te.t', '*vil.tes.', 'e[v]il.test', '(evil|x).test'] }),
    {
      miss: as('evil.test', 'evil.test:80'),
    },
  ),
  byRequest('notHosts', 'exact', to({ notHosts: ['evil.test'] }), {
    match: as('good.test', 'evil.test.x'),
    miss: as('evil.test', 'EVIL.test', 'evil.test:80', 'evil.test.'),
  }),
  byRequest('notHosts', 'suffix', to({ notHosts: ['*.test'] }), { match: as('test'), miss: as('x.test', 'X.TEST:80') }),
];

const methods: readonly FieldRow[] = [
  byRequest('methods', 'exact', to({ methods: ['POST'] }), { match: ['POST /'], miss: ['GET /', 'PUT /', 'HEAD /'] }),
  byRequest('methods', 'one of two', to({ methods: ['PUT', 'DELETE'] }), {
    match: ['PUT /', 'DELETE /'],
    miss: ['POST /', 'GET /'],
  }),
  byRequest('methods', 'prefix', to({ methods: ['P*'] }), {
    match: ['POST /', 'PATCH /'],
    miss: ['GET /', 'OPTIONS /'],
  }),
  byRequest('methods', 'suffix', to({ methods: ['*T'] }), { match: ['GET /', 'POST /', 'PUT /'], miss: ['DELETE /'] }),
  byRequest('methods', 'any', to({ methods: ['*'] }), { match: ['GET /', 'POST /'] }),
  byRequest('methods', 'that look like patterns', to({ methods: ['GE.', '(GET|POST)', 'G*T'] }), {
    miss: ['GET /', 'POST /'],
  }),
  byRequest('methods', 'in small letters', to({ methods: ['get'] }), { miss: ['GET /'] }),
  byRequest('notMethods', 'exact', to({ notMethods: ['GET'] }), { match: ['POST /'], miss: ['GET /'] }),
];

const paths: readonly FieldRow[] = [
  byRequest('paths', 'exact', to({ paths: ['/ok'] }), {
    match: at('/ok /ok?x=1 /ok?/no /x/../ok /./ok'),
    miss: at('/ /ok/ /OK /okay //ok /ok;x /x/ok /ok%20'),
  }),
  byRequest('paths', 'prefix', to({ paths: ['/api/*'] }), {
    match: at('/api/ /api/v1 /api/a/b?x=1 /x/../api/v1 /api/%2e%2e%2e'),
    miss: at('/api /api?x=/api/ /apis/v1 /x/api/v1 /api/../v1 /api/%2e%2e/v1 /API/v1'),
  }),
  byRequest('paths', 'suffix', to({ paths: ['*.txt'] }), {
    match: at('/a.txt /.txt /a/b.txt?x=1'),
    miss: at('/a.txt/ /atxt /?x=a.txt /a.TXT /a.txt;x'),
  }),
  byRequest('paths', 'any', to({ paths: ['*'] }), { match: at('/ /x?y') }),
  byRequest(
    'paths',
    'that look like patterns',
    to({ paths: ['/a.b', '/c+', '/(d)', '/[e]', '/$f', '/g|h', '/i*j*', '*.k+'] }),
    {
      match: at('/a.b /c+ /(d) /[e] /$f /i*j /i*jk /x.k+'),
      miss: at('/axb /c /cc /d /e /f /g /h /ij /ixj /xkk'),
    },
  ),
  byRequest('notPaths', 'exact', to({ notPaths: ['/no'] }), {
    match: at('/ /no/ /NO'),
    miss: at('/no /no?x /x/../no'),
  }),
  byRequest('notPaths', 'within a prefix', to({ paths: ['/api/*'], notPaths: ['/api/no*'] }), {
    match: at('/api/yes'),
    miss: at('/api/no /api/nobody /no /api/x/../no'),
  }),
  byRequest('path templates', 'one segment', to({ paths: ['/v/{*}/c'] }), {
    match: at('/v/a/c /v/a.b/c?x=1 /v/%20/c /v/x/../a/c'),
    miss: at('/v/c /v//c /v/a/b/c /v/a/c/ /v/a/d /x/v/a/c /V/a/c'),
  }),
  byRequest('path templates', 'one segment at the end', to({ paths: ['/v/{*}'] }), {
    match: at('/v/a /v/a?/b'),
    miss: at('/v /v/ /v/a/ /v/a/b'),
  }),
  byRequest('path templates', 'any segments', to({ paths: ['/v/{**}'] }), {
    match: at('/v/ /v/a /v/a/b/c /v/a//b'),
    miss: at('/v /va /x/v/a /v/../a'),
  }),
  byRequest('path templates', 'both', to({ paths: ['/v/{*}/w/{**}'] }), {
    match: at('/v/a/w/ /v/a/w/b/c'),
    miss: at('/v/w/a /v/a/b/w/c /v/a/w'),
  }),
  byRequest('path templates', 'with characters of patterns', to({ paths: ['/a.b/{*}', '/c+/{*}', '/$d/{**}'] }), {
    match: at('/a.b/x /c+/x /$d/x'),
    miss: at('/axb/x /c/x /cc/x /d/x'),
  }),
  byRequest('path templates', 'in notPaths', to({ notPaths: ['/v/{*}/c'] }), {
    match: at('/v/c /v/a/b/c /'),
    miss: at('/v/a/c /v/a/c?x=1'),
  }),
];

const ports: readonly FieldRow[] = [
  byPort('ports', 'that of TCP', to({ ports: ['9000'] }), false, true),
  byPort('ports', 'that of HTTP', to({ ports: ['8080'] }), true, false),
  byPort('ports', 'those of the service, which are not the workload’s', to({ ports: ['80', '443'] }), false, false),
  byPort('ports', 'either', to({ ports: ['8080'] }, { ports: ['9000'] }), true, true),
  byPort('notPorts', 'that of TCP', to({ notPorts: ['9000'] }), true, false),
  byPort('notPorts', 'neither', to({ notPorts: ['8080', '9000'] }), false, false),
];

const together: readonly FieldRow[] = [
  byRequest(
    'two operations',
    'either',
    to({ methods: ['GET'], paths: ['/ok'] }, { methods: ['POST'], paths: ['/in'] }),
    {
      match: ['/ok', 'POST /in'],
      miss: ['POST /ok', '/in', '/'],
    },
  ),
  byRequest('all fields of a request', 'at once', to({ hosts: ['*.test'], methods: ['GET'], paths: ['/ok'] }), {
    match: [{ host: 'x.test', path: '/ok' }],
    miss: [
      { host: 'x.other', path: '/ok' },
      { host: 'x.test', path: '/no' },
      { host: 'x.test', path: '/ok', method: 'POST' },
    ],
  }),
];

/** Every field of `to`. */
export const toRows: readonly FieldRow[] = [...hosts, ...methods, ...paths, ...ports, ...together];
