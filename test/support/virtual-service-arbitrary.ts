import fc from 'fast-check';
import { checkRe2 } from '../../src/config/decode/re2.ts';

/** Builders of specs as they are written: of what type a value is, the reader has to find out. */
export type Any = fc.Arbitrary<unknown>;

/** A few of these fields: with many at once, nearly every object would have a mistake somewhere. */
export const some = (fields: Readonly<Record<string, Any>>, most = 2): Any => {
  const names = Object.keys(fields);
  return fc
    .subarray(names, { minLength: 1, maxLength: Math.min(most, names.length) })
    .chain((chosen) => fc.record(Object.fromEntries(chosen.map((name) => [name, fields[name] ?? fc.constant(null)]))));
};
export const list = (item: Any, maxLength = 3): Any => fc.array(item, { minLength: 1, maxLength });
export const one = (...values: readonly unknown[]): Any => fc.constantFrom(...values);
/** What is right most of the time. */
export const mostly = (right: Any, wild: Any): Any =>
  fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: wild });

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

const regex: Any = mostly(
  pattern.filter((each) => checkRe2(each).ok),
  pattern,
);
const filled: fc.Arbitrary<string> = text.filter((each) => each !== '');
const valueMatch: Any = fc.oneof(
  fc.record({ exact: filled }),
  fc.record({ prefix: filled }),
  fc.record({ regex }),
  fc.constant({}),
);
const headerName: fc.Arbitrary<string> = fc.constantFrom('x-a', 'X-B', '!#$', 'x-forwarded-for', 'te', 'cookie');
const anyName = mostly(
  headerName,
  fc.oneof(one('host', ':path', ':authority', 'connection'), text),
) as fc.Arbitrary<string>;
const matchedName = mostly(
  fc.oneof(headerName, one('@request.auth.claims.a.b', '@request.auth.claims[a][b]')),
  fc.oneof(one(':method', '@request.auth', '@request.auth.claims.'), text),
) as fc.Arbitrary<string>;
const mapOf = (name: fc.Arbitrary<string>, value: Any): Any => fc.dictionary(name, value, { minKeys: 1, maxKeys: 2 });
const path: Any = mostly(
  fc.oneof(
    one('/', '/a', '/a/', '//', '/%2e/..'),
    text.map((each) => `/${each}`),
  ),
  text,
);
const uri: Any = fc.oneof(fc.record({ exact: path }), fc.record({ prefix: path }), fc.record({ regex }));
const duration: Any = mostly(one('1ms', '1.5s', '1h30m', '5s', '876000h'), one('0s', '900000h', '1us', '-1s'));
const percentage: Any = fc.record({ value: one(0, 0.0001, 12.5, 100) });
const value: Any = mostly(
  fc.oneof(
    text.map((each) => each.replaceAll('%', '%%')),
    one('%REQ(x-a)%', '%START_TIME%', '%DOWNSTREAM_REMOTE_ADDRESS%', '%PROTOCOL% and %%'),
  ),
  text,
);
const changes: Any = some({
  set: mapOf(anyName, value),
  add: mapOf(anyName, value),
  remove: list(anyName),
});
const headers: Any = some({ request: changes, response: changes });

/** Places to go to: some are there, some are not. */
export const destination: Any = fc.record(
  {
    host: one('a', 'b.c.d', 'web.example', 'web.foo.svc.cluster.local'),
    subset: one('v1', 'v.2'),
    port: fc.record({ number: one(80, 81, 65_535) }),
  },
  { requiredKeys: ['host'] },
);

const match: Any = some(
  {
    name: text,
    uri,
    ignoreUriCase: fc.boolean(),
    scheme: valueMatch,
    method: valueMatch,
    authority: valueMatch,
    headers: mapOf(matchedName, valueMatch),
    withoutHeaders: mapOf(matchedName, valueMatch),
    queryParams: mapOf(filled, valueMatch),
    port: one(80, 443),
    sourceLabels: one({ app: 'client' }, { app: 'other' }),
    statPrefix: text,
  },
  3,
);

const action: Any = fc.oneof(
  fc.record({
    route: list(
      fc.record({ destination, weight: one(1, 2, 2_147_483), headers }, { requiredKeys: ['destination', 'weight'] }),
    ),
  }),
  fc.record({ route: list(fc.record({ destination, headers }, { requiredKeys: ['destination'] }), 1) }),
  fc.record({
    redirect: some(
      {
        uri: path,
        authority: filled,
        port: one(80, 65_535),
        scheme: one('https', 'http'),
        redirectCode: one(301, 303),
      },
      4,
    ),
  }),
  fc.record({ redirect: some({ prefixRewrite: path, derivePort: one('FROM_REQUEST_PORT', 'FROM_PROTOCOL_DEFAULT') }) }),
  fc.record({
    directResponse: fc.record(
      { status: one(200, 204, 304, 599), body: one({ string: 'x' }, { bytes: 'AAEC' }, { string: 'y'.repeat(9_000) }) },
      { requiredKeys: ['status'] },
    ),
  }),
);

const options: Any = some(
  {
    name: text,
    match: list(match, 2),
    rewrite: fc.oneof(
      some({ uri: path, authority: filled }),
      fc.record({
        uriRegexRewrite: fc.record({ match: regex, rewrite: mostly(one('\\0', '/x', '\\\\', ''), text) }),
      }),
    ),
    timeout: duration,
    retries: fc.record(
      {
        attempts: mostly(one(1, 1_000), one(0)),
        perTryTimeout: duration,
        retryOn: one('5xx', '5xx,409', 'connect-failure, refused-stream', 'reset-before-request'),
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
    corsPolicy: some(
      {
        allowOrigins: list(valueMatch.filter((each) => Object.keys(Object(each)).length > 0)),
        allowMethods: list(one('GET', 'x')),
        allowHeaders: list(one('x-a', '*')),
        exposeHeaders: list(anyName),
        maxAge: one('0s', '1h'),
        allowCredentials: fc.boolean(),
        unmatchedPreflights: one('FORWARD', 'IGNORE', 'UNSPECIFIED'),
      },
      4,
    ),
    headers,
  },
  4,
);

/** Specs of one route; some have a mistake. */
export const httpRouteSpec: Any = fc
  .tuple(options, action)
  .map(([more, what]) => ({ ...Object(more), ...Object(what) }));
