import fc from 'fast-check';

type Any = fc.Arbitrary<unknown>;

/** Some of these fields, each written or not. */
const some = (fields: Readonly<Record<string, Any>>): Any => fc.record(fields, { requiredKeys: [] });
const list = (item: Any, maxLength = 3): Any => fc.array(item, { minLength: 1, maxLength });
const one = (...values: readonly unknown[]): Any => fc.constantFrom(...values);

/** Any text: of few letters that mean something to some parser on the way, or of whatever there is. */
const text: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.string({ unit: fc.constantFrom(...'aB/0-._~ %*?#&=,:;@"\\()[]{}<>|^$+é'), maxLength: 12 }),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }).filter((each) => each.isWellFormed()) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('%REQ(x-a)%', '%START_TIME%', '%%', '%', '/a', 'https', 'GET', 'x'.repeat(300)),
  },
);

const atoms = [
  ...[
    'a',
    'é',
    '.',
    '\\d',
    '\\W',
    '\\pL',
    '\\p{Lu}',
    '[a-z]',
    '[^a]',
    '[]a]',
    '[[:alpha:]-]',
    '[\\d-z]',
    '[a-\\x{ff}]',
  ],
  ...[
    '\\.',
    '\\/',
    '\\-',
    '\\x41',
    '\\n',
    '\\z',
    '\\b',
    '^',
    '$',
    '(?:',
    '(',
    ')',
    '(?i)',
    '(?P<n>',
    '(?s-m:',
    '|',
    '[',
    ']',
  ],
  ...[
    '*',
    '+',
    '?',
    '{2}',
    '{2,}',
    '{,3}',
    '{0,20}',
    '{1000}',
    '\\Q',
    '\\1',
    '\\C',
    '\\',
    '(?=',
    '{',
    '}',
    '-',
    '\\_',
    ' ',
  ],
];

/** What may be an expression: many are none. */
export const pattern: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...atoms), { minLength: 1, maxLength: 8 })
  .map((parts) => parts.join(''));

const valueMatch: Any = fc.oneof(
  fc.record({ exact: text }),
  fc.record({ prefix: text }),
  fc.record({ regex: pattern }),
  fc.constant({}),
);
const headerName: Any = fc.oneof(
  one('x-a', 'X-B', 'host', ':path', ':authority', 'connection', '@request.auth.claims.a.b', '!#$'),
  text,
);
const mapOf = (value: Any): Any =>
  fc.array(fc.tuple(headerName, value), { maxLength: 3 }).map((all) => Object.fromEntries(all as [string, unknown][]));
const path: Any = fc.oneof(one('/', '/a', '/a/', '//', ''), text);
const uri: Any = fc.oneof(fc.record({ exact: path }), fc.record({ prefix: path }), fc.record({ regex: pattern }));
const duration: Any = one('0s', '1ms', '1.5s', '1h30m', '5s', '876000h', '900000h', '1us');
const percentage: Any = fc.record({ value: one(0, 0.0001, 12.5, 100) });
const headers: Any = some({ request: changes(), response: changes() });
const destination: Any = fc.record(
  { host: one('a', 'b.c.d', 'web.example'), subset: one('', 'v1', 'v.2') },
  { requiredKeys: ['host'] },
);

function changes(): Any {
  return some({ set: mapOf(text), add: mapOf(text), remove: fc.array(headerName, { maxLength: 3 }) });
}

const match: Any = some({
  name: text,
  uri,
  ignoreUriCase: fc.boolean(),
  scheme: valueMatch,
  method: valueMatch,
  authority: valueMatch,
  headers: mapOf(valueMatch),
  withoutHeaders: mapOf(valueMatch),
  queryParams: fc.dictionary(text, valueMatch, { maxKeys: 3 }),
  port: one(0, 80),
  statPrefix: text,
});

const action: Any = fc.oneof(
  fc.record({
    route: list(
      fc.record({ destination, weight: one(0, 1, 2_147_483_647), headers }, { requiredKeys: ['destination'] }),
    ),
  }),
  fc.record({
    redirect: some({
      uri: path,
      authority: text,
      port: one(80, 65_535),
      scheme: one('https', 'http', 'x'),
      redirectCode: one(301, 303),
    }),
  }),
  fc.record({ redirect: some({ prefixRewrite: path, derivePort: one('FROM_REQUEST_PORT', 'FROM_PROTOCOL_DEFAULT') }) }),
  fc.record({
    directResponse: fc.record(
      { status: one(200, 204, 304, 599), body: one({ string: 'x' }, { string: '' }, { bytes: 'AAEC' }, {}) },
      { requiredKeys: ['status'] },
    ),
  }),
);

const options: Any = some({
  name: text,
  match: list(match, 2),
  rewrite: fc.oneof(
    some({ uri: path, authority: text }),
    fc.record({ uriRegexRewrite: fc.record({ match: pattern, rewrite: fc.oneof(one('\\0', '\\1x', '\\\\'), text) }) }),
  ),
  timeout: duration,
  retries: fc.record(
    {
      attempts: one(0, 1, 1_000),
      perTryTimeout: duration,
      retryOn: one('5xx', '5xx,409', 'connect-failure, refused-stream', '', 'reset-before-request'),
      retryIgnorePreviousHosts: fc.boolean(),
      backoff: duration,
    },
    { requiredKeys: ['attempts'] },
  ),
  fault: some({
    delay: fc.record({ fixedDelay: duration, percentage }),
    abort: fc.oneof(
      fc.record({ httpStatus: one(200, 503, 599), percentage }),
      fc.record({ grpcStatus: one('OK', 'UNAUTHENTICATED'), percentage }),
    ),
  }),
  mirrors: list(fc.record({ destination, percentage }, { requiredKeys: ['destination'] })),
  corsPolicy: some({
    allowOrigins: list(valueMatch),
    allowMethods: list(one('GET', 'x')),
    allowHeaders: list(one('x-a', '*')),
    exposeHeaders: list(text),
    maxAge: one('0s', '1h'),
    allowCredentials: fc.boolean(),
    unmatchedPreflights: one('FORWARD', 'IGNORE', 'UNSPECIFIED'),
  }),
  headers,
});

/** Specs with one route; many have a mistake. */
export const httpRouteSpec: Any = fc
  .tuple(options, action)
  .map(([more, what]) => ({ ...Object(more), ...Object(what) }));
