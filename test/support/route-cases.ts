import type { RouteAsked } from './route-envoy.ts';

/** A request and what must come of it; what isn't named isn't looked at. */
export interface RouteCase {
  readonly name: string;
  readonly host: string;
  readonly asked?: RouteAsked;
  readonly status: number;
  /** Which application is reached; 'none' for none. */
  readonly app: string;
  readonly path?: string;
  readonly body?: string;
  /** Headers as they reach the application; undefined: not there. */
  readonly sent?: Readonly<Record<string, string | undefined>>;
  /** Headers of the answer. */
  readonly got?: Readonly<Record<string, string | undefined>>;
}

const service = (host: string, http: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${host.replaceAll('.', '-')}, namespace: foo }
spec:
  hosts: [${host}]
  http:
${http.replace(/^/gm, '    ')}
---`;
const route = (app: string): string => `route: [{ destination: { host: ${app} } }]`;
const matched = (match: string, app = 'a'): string => `- { match: [${match}], ${route(app)} }\n- { ${route('b')} }`;
const matches: Readonly<Record<string, string>> = {
  exact: '{ uri: { exact: /a } }',
  prefix: '{ uri: { prefix: /a } }',
  regex: '{ uri: { regex: "/a/[0-9]+" } }',
  nocase: '{ uri: { prefix: /A }, ignoreUriCase: true }',
  'nocase-exact': '{ uri: { exact: /A }, ignoreUriCase: true }',
  scheme: '{ scheme: { exact: http } }',
  https: '{ scheme: { exact: https } }',
  method: '{ method: { regex: "PUT|POST" } }',
  authority: '{ authority: { regex: "authority[.]test(:[0-9]+)?" } }',
  header: '{ headers: { X-A: { exact: one }, x-b: { prefix: t }, x-c: { regex: "a+" }, x-d: {} } }',
  without: '{ withoutHeaders: { x-a: { exact: one }, x-b: {} } }',
  query: '{ queryParams: { a: { exact: one }, b: { prefix: t }, c: { regex: "x+" }, d: {} } }',
  labels: '{ sourceLabels: { app: client }, port: 80, sourceNamespace: foo }',
  others: '{ sourceLabels: { app: other } }',
  port: '{ port: 81 }',
  gateway: '{ gateways: [edge] }',
  both: '{ uri: { exact: /x } }, { headers: { x-a: { exact: one } } }',
  claim: '{ headers: { "@request.auth.claims.groups": { exact: admin } } }',
  noclaim: '{ withoutHeaders: { "@request.auth.claims[team]": { exact: red } } }',
  anyclaim: '{ headers: { "@request.auth.claims.team": {} } }',
};

/** Changes headers for the route, and for each of two destinations that are one application. */
const several = (more: string): string => {
  const inner =
    'headers: { request: { set: { x-set: destination, x-own: o, host: one.test } }, response: { remove: [x-secret] } }';
  return `- headers: { request: { set: { x-set: route } } }
${more}  route:
    - { destination: { host: a }, weight: 1, ${inner} }
    - { destination: { host: c, subset: v1 }, weight: 0 }
    - { destination: { host: a, port: { number: 81 } }, weight: 1, ${inner} }`;
};

/** A VirtualService for the routes of another. */
const delegate = (name: string, http: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: foo }
spec:
  http:
${http.replace(/^/gm, '    ')}
---`;

/** VirtualServices of all kinds of matches and actions. Application `down` isn't there. */
export const routeServices = [
  ...Object.entries(matches).map(([name, match]) => service(`${name}.test`, matched(match))),
  service(
    'weights.test',
    '- route: [{ destination: { host: a }, weight: 0 }, { destination: { host: b }, weight: 7 }]',
  ),
  service('half.test', '- route: [{ destination: { host: a }, weight: 1 }, { destination: { host: b }, weight: 1 }]'),
  service(
    'prefix-rewrite.test',
    `- { match: [{ uri: { prefix: /api/ } }], rewrite: { uri: /v1/, authority: new.test }, ${route('a')} }`,
  ),
  service('exact-rewrite.test', `- { match: [{ uri: { exact: /api } }], rewrite: { uri: /v1 }, ${route('a')} }`),
  service('any-rewrite.test', `- { match: [{ uri: { regex: "/api.*" } }], rewrite: { uri: /v1 }, ${route('a')} }`),
  service(
    'regex-rewrite.test',
    `- { rewrite: { uriRegexRewrite: { match: "^/u/([^/]+)/(.*)$", rewrite: '/\\2?id=\\1' } }, ${route('a')} }`,
  ),
  service('redirect.test', '- redirect: { uri: /new, authority: other.test }'),
  service(
    'redirect-prefix.test',
    '- { match: [{ uri: { prefix: /old } }], redirect: { prefixRewrite: /new, redirectCode: 308 } }',
  ),
  service(
    'redirect-command.test',
    '- { match: [{ uri: { prefix: /old } }], redirect: { uri: "%PREFIX()%/new", redirectCode: 307 } }',
  ),
  service('redirect-scheme.test', '- redirect: { scheme: https, redirectCode: 302 }'),
  service('redirect-port.test', '- redirect: { port: 8080, redirectCode: 303 }'),
  service('redirect-asked.test', '- redirect: { scheme: https, derivePort: FROM_REQUEST_PORT }'),
  service(
    'direct.test',
    '- { directResponse: { status: 418, body: { string: short and stout } }, headers: { response: { set: { x-tea: pot } } } }',
  ),
  service('direct-bytes.test', '- directResponse: { status: 200, body: { bytes: aGVsbG8= } }'),
  service('direct-large.test', `- directResponse: { status: 200, body: { string: ${'x'.repeat(9_000)} } }`),
  service('direct-empty.test', '- directResponse: { status: 404 }'),
  service('timeout.test', `- { timeout: 300ms, retries: { attempts: 0 }, ${route('a')} }`),
  service('deadline.test', `- { retries: { attempts: 0 }, ${route('a')} }`),
  service('retry-default.test', `- { ${route('a')} }`),
  service('retry.test', `- { retries: { attempts: 2, retryOn: 5xx }, ${route('a')} }`),
  service('retry-codes.test', `- { retries: { attempts: 1, retryOn: "409", backoff: 1ms }, ${route('a')} }`),
  service('retry-off.test', `- { retries: { attempts: 0 }, ${route('a')} }`),
  service('try-timeout.test', `- { retries: { attempts: 1, perTryTimeout: 200ms, retryOn: 5xx }, ${route('a')} }`),
  service('down.test', `- { ${route('down')} }`),
  service('abort.test', `- { fault: { abort: { httpStatus: 555, percentage: { value: 100 } } }, ${route('a')} }`),
  service(
    'abort-grpc.test',
    `- { fault: { abort: { grpcStatus: NOT_FOUND, percentage: { value: 100 } } }, ${route('a')} }`,
  ),
  service('abort-none.test', `- { fault: { abort: { httpStatus: 555, percentage: { value: 0 } } }, ${route('a')} }`),
  service(
    'abort-direct.test',
    '- { fault: { abort: { httpStatus: 555, percentage: { value: 100 } } }, directResponse: { status: 200 } }',
  ),
  service(
    'delay.test',
    `- { fault: { delay: { fixedDelay: 1s, percentage: { value: 100 } } }, timeout: 300ms, ${route('a')} }`,
  ),
  service('mirror.test', `- { mirror: { host: b }, ${route('a')} }`),
  service(
    'mirrors.test',
    `- { mirrors: [{ destination: { host: b } }, { destination: { host: c }, percentage: { value: 0 } }], ${route('a')} }`,
  ),
  service(
    'cors.test',
    `- { corsPolicy: { allowOrigins: [{ exact: "https://x.test" }, { regex: "https://.*[.]y[.]test" }], allowMethods: [GET, PUT], allowHeaders: [x-h], exposeHeaders: [x-e], maxAge: 2m, allowCredentials: true }, ${route('a')} }`,
  ),
  service(
    'cors-ignore.test',
    `- { corsPolicy: { allowOrigins: [{ exact: "https://x.test" }], unmatchedPreflights: IGNORE }, ${route('a')} }`,
  ),
  service('cors-any.test', `- { corsPolicy: { allowOrigin: ["*"] }, ${route('a')} }`),
  service(
    'headers.test',
    `- headers: { request: { set: { x-set: new }, add: { x-add: more, x-from: "%REQ(x-b)%", x-percent: "5%%" }, remove: [x-gone] }, response: { set: { x-version: changed }, add: { x-extra: e }, remove: [x-secret] } }
  ${route('a')}`,
  ),
  service('host-header.test', `- { headers: { request: { set: { Host: inner.test } } }, ${route('a')} }`),
  service('authority-header.test', `- { headers: { request: { add: { ":authority": inner.test } } }, ${route('a')} }`),
  service(
    'only-headers.test',
    `- headers: { request: { set: { x-set: route } } }
  route: [{ destination: { host: a }, headers: { request: { set: { x-set: destination, host: one.test } } } }]`,
  ),
  service(
    'delegated.test',
    `- match: [{ uri: { prefix: /shop } }]
  headers: { request: { set: { x-root: r } } }
  rewrite: { authority: root.test }
  delegate: { name: shop }
- match: [{ uri: { prefix: /gone } }]
  delegate: { name: nowhere }
- { ${route('c')} }`,
  ),
  delegate(
    'shop',
    `- { match: [{ uri: { prefix: /shop/cart } }], rewrite: { authority: own.test }, ${route('b')} }
- { match: [{ uri: { prefix: /elsewhere } }], ${route('b')} }
- { match: [{ headers: { x-b: {} } }], ${route('b')} }
- { ${route('a')} }`,
  ),
  service(
    'claim-fault.test',
    `- match: [${matches['claim']}]
  fault: { abort: { httpStatus: 555, percentage: { value: 100 } } }
  ${route('a')}
- { ${route('b')} }`,
  ),
  service('weight-headers.test', several('')),
  service('weight-host.test', several('  rewrite: { authority: all.test }\n')),
].join('');

const x = (name: string, host: string, app: string, asked?: RouteAsked, more: Partial<RouteCase> = {}): RouteCase => ({
  name,
  host: `${host}.test`,
  status: 200,
  app,
  ...(asked === undefined ? {} : { asked }),
  ...more,
});
const get = (path: string, headers: Readonly<Record<string, string>> = {}): RouteAsked => ({ path, headers });
/** A gRPC request, with how long its client waits. */
const grpc = (path: string, wait = ''): RouteAsked =>
  get(path, { 'content-type': 'application/grpc', ...(wait === '' ? {} : { 'grpc-timeout': wait }) });
const none = (host: string, status: number, asked?: RouteAsked, more: Partial<RouteCase> = {}): RouteCase =>
  x(`answers ${status}`, host, 'none', asked, { status, ...more });
const preflight = (origin: string): RouteAsked => ({
  method: 'OPTIONS',
  headers: { origin, 'access-control-request-method': 'PUT' },
});
const headers = { 'x-a': 'one', 'x-b': 'two', 'x-c': 'aaa', 'x-d': '' };

/** One request for each way in which a match holds or not, and for each action. */
export const routeCases: readonly RouteCase[] = [
  x('an exact path', 'exact', 'a', get('/a')),
  x('an exact path with a query', 'exact', 'a', get('/a?b=c')),
  x('a longer path', 'exact', 'b', get('/a/')),
  x('another case', 'exact', 'b', get('/A')),
  x('a prefix', 'prefix', 'a', get('/abc')),
  x('no prefix', 'prefix', 'b', get('/b/a')),
  x('an expression', 'regex', 'a', get('/a/12?x=/')),
  x('not all of an expression', 'regex', 'b', get('/a/12/')),
  x('a prefix in another case', 'nocase', 'a', get('/abc')),
  x('a scheme', 'scheme', 'a'),
  x('another scheme', 'https', 'b'),
  x('a method', 'method', 'a', { method: 'PUT' }),
  x('another method', 'method', 'b', { method: 'PATCH' }),
  x('an authority', 'authority', 'a'),
  x('headers', 'header', 'a', get('/', headers)),
  ...Object.keys(headers).map((name) =>
    x(
      `headers without ${name}`,
      'header',
      'b',
      get('/', Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name))),
    ),
  ),
  x('headers of another value', 'header', 'b', get('/', { ...headers, 'x-a': 'One' })),
  x('no unwanted header', 'without', 'a'),
  x('an unwanted header of another value', 'without', 'a', get('/', { 'x-a': 'two' })),
  x('an unwanted value', 'without', 'b', get('/', { 'x-a': 'one' })),
  x('an unwanted header', 'without', 'b', get('/', { 'x-b': 'any' })),
  x('query parameters', 'query', 'a', get('/?a=one&b=two&c=xx&d=')),
  x('query parameters without one', 'query', 'b', get('/?a=one&b=two&c=xx')),
  x('query parameters of another value', 'query', 'b', get('/?a=one&b=two&c=xxy&d=')),
  x('its own labels, port and namespace', 'labels', 'a'),
  x('the labels of others', 'others', 'b'),
  x('another port', 'port', 'b'),
  x('a gateway', 'gateway', 'b'),
  x('an exact path in another case', 'nocase-exact', 'a', get('/a')),
  x('a longer path', 'nocase-exact', 'b', get('/ab')),
  x('the first of two matches', 'both', 'a', get('/x')),
  x('the second of two matches', 'both', 'a', get('/y', { 'x-a': 'one' })),
  x('neither of two matches', 'both', 'b', get('/y')),
  x('no token', 'claim', 'b'),
  x('no token', 'noclaim', 'a'),
  x('no token', 'anyclaim', 'b'),
  x('a destination without weight', 'weights', 'b'),

  x('a prefix', 'prefix-rewrite', 'a', get('/api/x?y=z'), { path: '/v1/x?y=z', sent: { host: 'new.test' } }),
  x('an exact path', 'exact-rewrite', 'a', get('/api?y=z'), { path: '/v1?y=z', sent: { host: 'exact-rewrite.test' } }),
  x('the whole path of an expression', 'any-rewrite', 'a', get('/api/x?y=z'), { path: '/v1?y=z' }),
  x('by an expression', 'regex-rewrite', 'a', get('/u/7/more'), { path: '/more?id=7' }),
  x('nothing that the expression misses', 'regex-rewrite', 'a', get('/v/7'), { path: '/v/7' }),

  none('redirect', 301, get('/old?x=y'), { got: { location: 'http://other.test/new?x=y' } }),
  none('redirect-prefix', 308, get('/old/x?y=z'), { got: { location: 'http://redirect-prefix.test/new/x?y=z' } }),
  none('redirect-command', 307, get('/old/x'), { got: { location: 'http://redirect-command.test/new/x' } }),
  none('redirect-scheme', 302, get('/p'), { got: { location: 'https://redirect-scheme.test/p' } }),
  none('redirect-port', 303, get('/p'), { got: { location: 'http://redirect-port.test:8080/p' } }),
  none('redirect-asked', 301, get('/p'), { got: { location: 'https://redirect-asked.test:8443/p' } }),
  none('direct', 418, undefined, { body: 'short and stout', got: { 'x-tea': 'pot' } }),
  none('direct-bytes', 200, undefined, { body: 'hello' }),
  none('direct-large', 200, undefined, { body: 'x'.repeat(9_000) }),
  none('direct-empty', 404, undefined, { body: '' }),
  none('prefix-rewrite', 404, get('/other'), { body: '' }),

  none('timeout', 504, get('/hang'), { body: 'upstream request timeout' }),
  x('what is fast', 'timeout', 'a'),
  none('deadline', 200, grpc('/hang', '200m'), { got: { 'grpc-status': '14' } }),
  none('timeout', 200, grpc('/hang', '1H'), { got: { 'grpc-status': '14' } }),
  none('timeout', 200, grpc('/hang'), { got: { 'grpc-status': '14' } }),
  x(
    '5xx without retries that ask for it',
    'retry-default',
    'a',
    get('/', { 'x-id': 'd', 'x-fail': '1', 'x-fail-with': '503' }),
    { status: 503 },
  ),
  x('a failure that is retried', 'retry', 'a', get('/', { 'x-id': 'r', 'x-fail': '2', 'x-fail-with': '500' })),
  x('a failure that lasts', 'retry', 'a', get('/', { 'x-id': 's', 'x-fail': '9', 'x-fail-with': '500' }), {
    status: 500,
  }),
  x('a status that is retried', 'retry-codes', 'a', get('/', { 'x-id': 'c', 'x-fail': '1', 'x-fail-with': '409' })),
  x('another status', 'retry-codes', 'a', get('/', { 'x-id': 'e', 'x-fail': '1', 'x-fail-with': '500' }), {
    status: 500,
  }),
  x('a failure that is not retried', 'retry-off', 'a', get('/', { 'x-id': 'o', 'x-fail': '1', 'x-fail-with': '500' }), {
    status: 500,
  }),
  none('try-timeout', 504, get('/hang/twice')),
  none('down', 503, undefined, { body: 'no healthy upstream' }),
  none('abort', 555, undefined, { body: 'fault filter abort' }),
  none('abort-grpc', 200, { headers: { 'content-type': 'application/grpc' } }, { got: { 'grpc-status': '5' } }),
  x('no request', 'abort-none', 'a'),
  none('abort-direct', 555),
  x('mirrored', 'mirror', 'a', get('/mirrored')),
  x('mirrored', 'mirrors', 'a', get('/mirrored-too')),

  x('a preflight', 'cors', 'none', preflight('https://x.test'), {
    got: {
      'access-control-allow-origin': 'https://x.test',
      'access-control-allow-methods': 'GET,PUT',
      'access-control-allow-headers': 'x-h',
      'access-control-max-age': '120',
      'access-control-allow-credentials': 'true',
    },
  }),
  x('a preflight by an expression', 'cors', 'none', preflight('https://a.y.test'), {
    got: { 'access-control-allow-origin': 'https://a.y.test' },
  }),
  x('a preflight of another origin', 'cors', 'a', preflight('https://z.test'), {
    got: { 'access-control-allow-origin': undefined },
  }),
  x('a request of a page', 'cors', 'a', get('/', { origin: 'https://x.test' }), {
    got: { 'access-control-allow-origin': 'https://x.test', 'access-control-expose-headers': 'x-e' },
  }),
  x('a request of another page', 'cors', 'a', get('/', { origin: 'https://z.test' }), {
    got: { 'access-control-allow-origin': undefined },
  }),
  x('a preflight of another origin', 'cors-ignore', 'none', preflight('https://z.test'), {
    got: { 'access-control-allow-origin': undefined },
  }),
  x('a preflight of any origin', 'cors-any', 'none', preflight('https://z.test'), {
    got: { 'access-control-allow-origin': 'https://z.test' },
  }),

  x('a route of the delegate', 'delegated', 'b', get('/shop/cart'), { sent: { host: 'own.test', 'x-root': 'r' } }),
  x('what the delegate leaves open', 'delegated', 'a', get('/shop/x'), { sent: { host: 'root.test', 'x-root': 'r' } }),
  x('both matches', 'delegated', 'b', get('/shop/x', { 'x-b': '1' })),
  x('no more than the root matches', 'delegated', 'c', get('/elsewhere', { 'x-b': '1' })),
  x('no route where the delegate is not there', 'delegated', 'c', get('/gone')),

  x('headers', 'headers', 'a', get('/', { 'x-set': 'old', 'x-add': 'some', 'x-gone': 'g', 'x-b': 'bee' }), {
    sent: { 'x-set': 'new', 'x-add': 'some, more', 'x-from': 'bee', 'x-percent': '5%', 'x-gone': undefined },
    got: { 'x-version': 'changed', 'x-extra': 'e', 'x-secret': undefined },
  }),
  x('the Host', 'host-header', 'a', undefined, { sent: { host: 'inner.test' } }),
  x('the authority', 'authority-header', 'a', undefined, { sent: { host: 'inner.test' } }),
  x('headers of an only destination', 'only-headers', 'a', undefined, {
    sent: { 'x-set': 'destination', host: 'one.test' },
  }),
  x('headers of one of several', 'weight-headers', 'a', undefined, {
    sent: { 'x-set': 'route', 'x-own': 'o', host: 'one.test' },
    got: { 'x-secret': undefined },
  }),
  x('a Host of the route before that of one of several', 'weight-host', 'a', undefined, { sent: { host: 'all.test' } }),
];
