import { stringMatch } from '../../src/model/match.ts';
import type { RawRequest } from './rbac-clients.ts';
import type { RuleText } from './rbac-policies.ts';
import { type Payload, payloads } from './rbac-tokens.ts';

/** Every character with a meaning in RE2, and a newline. */
const metacharacters = '^$.|?*+()[]{}\\\\Q\\E-#\n';
const label63 = 'n'.repeat(63);
const host253 = ['h'.repeat(63), 'h'.repeat(63), 'h'.repeat(63), 'h'.repeat(61)].join('.');

/** Peers by the names in their certificates. */
export const peers = {
  b: [{ type: 'url', value: 'spiffe://cluster.local/ns/a/sa/b' }],
  odd: [{ type: 'url', value: `spiffe://td/ns/x${metacharacters}/sa/${metacharacters}` }],
  long: [{ type: 'url', value: `spiffe://cluster.local/ns/${label63}/sa/${'s'.repeat(253)}` }],
  dnsOnly: [{ type: 'dns', value: 'x/ns/admin/sa/admin' }],
  two: [
    { type: 'url', value: 'spiffe://cluster.local/ns/a/sa/b' },
    { type: 'url', value: 'other://cluster.local/ns/admin/sa/admin' },
    { type: 'dns', value: 'x/ns/admin/sa/admin' },
  ],
  nested: [{ type: 'url', value: 'spiffe://cluster.local/ns/a/sa/b/ns/admin/sa/admin' }],
} as const;

/** How a client comes: with which certificate, or without one. */
export type Peer = keyof typeof peers | 'plaintext' | 'anonymous';

/** One rule, one call, and what becomes of it. */
export interface Edge {
  readonly what: string;
  readonly action?: 'ALLOW' | 'DENY';
  readonly rule?: RuleText;
  readonly peer: Peer;
  readonly request?: Partial<RawRequest>;
  /** What it asks for in its TLS greeting, as a shell writes it in `$'…'`. */
  readonly serverName?: string;
  /** What its token says; none without. */
  readonly claims?: Payload | undefined;
  readonly allowed: boolean;
}

const from = (...sources: NonNullable<RuleText['from']>): RuleText => ({ from: sources });
const to = (...operations: NonNullable<RuleText['to']>): RuleText => ({ to: operations });

/** What a rule asks of the header `x-team`. */
function team(values: readonly string[], notValues: readonly string[] = []): RuleText {
  const set = { values: values.map(stringMatch), notValues: notValues.map(stringMatch) };
  return { when: [{ key: 'request.headers', header: 'x-team', ...set }] };
}

/** What a rule asks of a claim. */
function claim(name: string, values: readonly string[], notValues: readonly string[] = []): RuleText {
  const set = { values: values.map(stringMatch), notValues: notValues.map(stringMatch) };
  return { when: [{ key: 'request.auth.claims', claim: [name], ...set }] };
}

const holder = (name: string, value: unknown): Payload | undefined =>
  payloads.find((payload) => JSON.stringify(payload[name]) === JSON.stringify(value));
const [numbers, texts, zero, five] = [
  holder('level', [0, -1.5, 'x', 5e21]),
  holder('level', '5'),
  holder('level', 0),
  holder('level', 5),
];

/** What a token says that isn't text: ALLOW takes it only where it's that beyond doubt, DENY also where it may be. */
const byClaim: readonly Edge[] = (
  [
    ['a number', 'ALLOW', claim('level', ['5']), five, true],
    ['a number', 'DENY', claim('level', ['5']), five, false],
    ['a number as text', 'ALLOW', claim('level', ['5']), texts, true],
    ['another number', 'ALLOW', claim('level', ['5']), zero, false],
    ['zero', 'ALLOW', claim('level', ['0']), zero, true],
    ['zero in a list', 'ALLOW', claim('level', ['0']), numbers, true],
    ['a fraction in a list', 'ALLOW', claim('level', ['-1.5']), numbers, true],
    ['a number in another spelling', 'ALLOW', claim('level', ['5.0']), five, false],
    ['a number in another spelling', 'DENY', claim('level', ['5.0']), five, false],
    ['a number that must not be', 'ALLOW', claim('level', [], ['5']), five, false],
    ['a number that must not be, in another spelling', 'ALLOW', claim('level', [], ['5.0']), five, false],
    ['the beginning of a number', 'ALLOW', claim('level', ['5*']), five, false],
    ['true', 'ALLOW', claim('ok', ['true']), five, true],
    ['true', 'DENY', claim('ok', ['true']), five, false],
    ['false', 'ALLOW', claim('ok', ['false']), zero, true],
    ['false, and true is asked for', 'ALLOW', claim('ok', ['true']), zero, false],
    ['false in a list', 'ALLOW', claim('ok', ['false']), numbers, true],
    ['true as text in a list', 'ALLOW', claim('ok', ['true']), numbers, true],
    ['true that must not be', 'ALLOW', claim('ok', [], ['true']), five, false],
    ['a large integer', 'ALLOW', claim('big', ['9007199254740992']), numbers, false],
    ['a large integer', 'DENY', claim('big', ['9007199254740992']), numbers, false],
    ['the neighbour of a large integer', 'ALLOW', claim('big', ['9007199254740993']), numbers, false],
    ['the largest integer that has no other', 'ALLOW', claim('big', ['9007199254740991']), zero, true],
    ['presence of a number', 'ALLOW', claim('level', ['*']), zero, true],
    ['presence of false', 'ALLOW', claim('ok', ['*']), zero, true],
    ['presence of an end that every token here has', 'ALLOW', claim('exp', ['*']), zero, true],
    ['absence of a number', 'ALLOW', claim('level', [], ['*']), zero, false],
    ['presence of what is not there', 'ALLOW', claim('none', ['*']), zero, false],
    ['presence in a list of objects', 'ALLOW', claim('groups', ['*']), texts, false],
    ['presence in an empty list', 'ALLOW', claim('groups', ['*']), holder('groups', []), false],
  ] as const
).map(([what, action, rule, claims, allowed]) => ({
  what: `a claim of ${what}, to ${action}`,
  action,
  rule,
  peer: 'b',
  claims,
  allowed,
}));

const teams = (...values: readonly string[]) => ({ headers: { 'x-team': values } });

/** Decided alike by HTTP and TCP. */
export const bySource: readonly Edge[] = [
  { what: 'an ALLOW policy without rules', peer: 'b', allowed: false },
  { what: 'an ALLOW rule without conditions', rule: {}, peer: 'plaintext', allowed: true },
  { what: 'a DENY rule without conditions', action: 'DENY', rule: {}, peer: 'b', allowed: false },
  { what: 'principals * and plaintext', rule: from({ principals: ['*'] }), peer: 'plaintext', allowed: false },
  { what: 'principals * and mTLS', rule: from({ principals: ['*'] }), peer: 'b', allowed: true },
  {
    what: 'principals * and a certificate of no SPIFFE ID',
    rule: from({ principals: ['*'] }),
    peer: 'dnsOnly',
    allowed: true,
  },
  { what: 'principals * and an odd name', rule: from({ principals: ['*'] }), peer: 'odd', allowed: true },
  {
    what: 'principals * and TLS without a certificate',
    rule: from({ principals: ['*'] }),
    peer: 'anonymous',
    allowed: false,
  },
  {
    what: 'notPrincipals * and TLS without a certificate',
    rule: from({ notPrincipals: ['*'] }),
    peer: 'anonymous',
    allowed: true,
  },
  { what: 'notPrincipals * and plaintext', rule: from({ notPrincipals: ['*'] }), peer: 'plaintext', allowed: true },
  { what: 'notPrincipals * and mTLS', rule: from({ notPrincipals: ['*'] }), peer: 'b', allowed: false },
  {
    what: 'notPrincipals of another and plaintext',
    rule: from({ notPrincipals: ['x'] }),
    peer: 'plaintext',
    allowed: true,
  },
  { what: 'namespaces * and plaintext', rule: from({ namespaces: ['*'] }), peer: 'plaintext', allowed: false },
  { what: 'notNamespaces and plaintext', rule: from({ notNamespaces: ['a'] }), peer: 'plaintext', allowed: true },
  {
    what: 'a scheme in a principal',
    rule: from({ principals: ['spiffe://cluster.local/ns/a/sa/b'] }),
    peer: 'b',
    allowed: false,
  },
  { what: 'a suffix principal', rule: from({ principals: ['*/sa/b'] }), peer: 'b', allowed: true },
  {
    what: 'a suffix principal and a DNS name',
    rule: from({ principals: ['*/sa/admin'] }),
    peer: 'dnsOnly',
    allowed: false,
  },
  {
    what: 'a suffix principal and names of several kinds',
    rule: from({ principals: ['*/sa/admin'] }),
    peer: 'two',
    allowed: false,
  },
  { what: 'a namespace and a DNS name', rule: from({ namespaces: ['admin'] }), peer: 'dnsOnly', allowed: false },
  {
    what: 'a namespace and names of several kinds',
    rule: from({ namespaces: ['admin'] }),
    peer: 'two',
    allowed: false,
  },
  { what: 'a namespace further back in the ID', rule: from({ namespaces: ['admin'] }), peer: 'nested', allowed: false },
  {
    what: 'a namespace of metacharacters',
    rule: from({ namespaces: [`x${metacharacters}`] }),
    peer: 'odd',
    allowed: true,
  },
  {
    what: 'a principal of metacharacters',
    rule: from({ principals: [`*/sa/${metacharacters}`] }),
    peer: 'odd',
    allowed: true,
  },
  { what: 'a namespace that would match as a pattern', rule: from({ namespaces: ['.'] }), peer: 'b', allowed: false },
  {
    what: 'a namespace that would break out of its place',
    rule: from({ namespaces: ['x)|(.*'] }),
    peer: 'b',
    allowed: false,
  },
  {
    what: 'a principal that would match as a pattern',
    rule: from({ principals: ['*/sa/.'] }),
    peer: 'b',
    allowed: false,
  },
  { what: 'a namespace as long as one can be', rule: from({ namespaces: [label63] }), peer: 'long', allowed: true },
  {
    what: 'a namespace longer than that',
    rule: from({ namespaces: [`${label63}${label63}`] }),
    peer: 'long',
    allowed: false,
  },
  {
    what: 'the beginning of a namespace as long as one can be',
    rule: from({ namespaces: [`${label63.slice(1)}*`] }),
    peer: 'long',
    allowed: true,
  },
  {
    what: 'beginning and end of a namespace as long as they can be',
    action: 'DENY',
    rule: from({ namespaces: [`${label63.slice(32)}*${label63.slice(32)}`] }),
    peer: 'long',
    allowed: false,
  },
  { what: 'a namespace of many stars', rule: from({ namespaces: ['a*'.repeat(50)] }), peer: 'b', allowed: false },
  {
    what: 'a suffix principal longer than a pattern can be',
    rule: from({ principals: [`*/sa/${'s'.repeat(253)}`] }),
    peer: 'long',
    allowed: true,
  },
  {
    what: 'a near miss of that',
    rule: from({ principals: [`*/sb/${'s'.repeat(253)}`] }),
    peer: 'long',
    allowed: false,
  },
];

/** Decided by HTTP alone. */
export const byRequest: readonly Edge[] = [
  ...byClaim,
  {
    what: 'hosts * and an empty Host, which is a Host',
    rule: to({ hosts: ['*'] }),
    peer: 'b',
    request: { host: '' },
    allowed: true,
  },
  {
    what: 'a host in another case',
    rule: to({ hosts: ['Example.com'] }),
    peer: 'b',
    request: { host: 'eXAMPLE.COM' },
    allowed: true,
  },
  {
    what: 'a host with a port',
    rule: to({ hosts: ['example.com'] }),
    peer: 'b',
    request: { host: 'example.com:8080' },
    allowed: true,
  },
  {
    what: 'a host with an empty port',
    action: 'DENY',
    rule: to({ hosts: ['example.com'] }),
    peer: 'b',
    request: { host: 'example.com:' },
    allowed: false,
  },
  {
    what: 'a host with a port that is none',
    rule: to({ hosts: ['example.com'] }),
    peer: 'b',
    request: { host: 'example.com:80x' },
    allowed: false,
  },
  {
    what: 'a host with two ports',
    rule: to({ hosts: ['example.com'] }),
    peer: 'b',
    request: { host: 'example.com:evil:80' },
    allowed: false,
  },
  {
    what: 'a host of the same beginning',
    rule: to({ hosts: ['example.com'] }),
    peer: 'b',
    request: { host: 'example.com.evil' },
    allowed: false,
  },
  {
    what: 'a suffix host with a port',
    rule: to({ hosts: ['*.example.com'] }),
    peer: 'b',
    request: { host: 'a.example.com:1' },
    allowed: true,
  },
  {
    what: 'a suffix host and a port that holds it',
    rule: to({ hosts: ['*.com'] }),
    peer: 'b',
    request: { host: '[a.com:b]:80' },
    allowed: false,
  },
  {
    what: 'a host that asks for a port',
    rule: to({ hosts: ['example.com:80'] }),
    peer: 'b',
    request: { host: 'example.com:81' },
    allowed: false,
  },
  {
    what: 'an IPv6 host with a port',
    rule: to({ hosts: ['[::1]'] }),
    peer: 'b',
    request: { host: '[::1]:80' },
    allowed: true,
  },
  { what: 'a dot in a host', rule: to({ hosts: ['a.b'] }), peer: 'b', request: { host: 'axb:80' }, allowed: false },
  {
    what: 'a host as long as one can be',
    rule: to({ hosts: [host253] }),
    peer: 'b',
    request: { host: `${host253}:65535` },
    allowed: true,
  },
  {
    what: 'a query',
    action: 'DENY',
    rule: to({ paths: ['/admin'] }),
    peer: 'b',
    request: { path: '/admin?x=1' },
    allowed: false,
  },
  {
    what: 'a path one character longer',
    action: 'DENY',
    rule: to({ paths: ['/admin'] }),
    peer: 'b',
    request: { path: '/admin/' },
    allowed: true,
  },
  { what: 'paths *', rule: to({ paths: ['*'] }), peer: 'b', request: { path: '/?x' }, allowed: true },
  { what: 'methods *', rule: to({ methods: ['*'] }), peer: 'b', request: { method: 'PATCH' }, allowed: true },
  {
    what: 'metacharacters in a path',
    rule: to({ paths: ['/(a|b)+.*'] }),
    peer: 'b',
    request: { path: '/(a|b)+.*' },
    allowed: true,
  },
  {
    what: 'a path that would match as a pattern',
    rule: to({ paths: ['/.*'] }),
    peer: 'b',
    request: { path: '/x' },
    allowed: false,
  },
  ...[
    ['red', 'blue'],
    ['blue', 'red'],
    ['a', 'red', 'b'],
    ['', 'red'],
  ].flatMap((sent): readonly Edge[] => [
    {
      what: `a header that came as ${JSON.stringify(sent)}`,
      action: 'DENY',
      rule: team(['red']),
      peer: 'b',
      request: teams(...sent),
      allowed: false,
    },
    {
      what: `a header that must not be, and came as ${JSON.stringify(sent)}`,
      rule: team([], ['red']),
      peer: 'b',
      request: teams(...sent),
      allowed: false,
    },
  ]),
  {
    what: 'the beginning of a header that came after another',
    action: 'DENY',
    rule: team(['re*']),
    peer: 'b',
    request: teams('blue', 'red'),
    allowed: false,
  },
  {
    what: 'the end of a header that came before another',
    action: 'DENY',
    rule: team(['*ed']),
    peer: 'b',
    request: teams('red', 'blue'),
    allowed: false,
  },
  {
    what: 'another header',
    action: 'DENY',
    rule: team(['red']),
    peer: 'b',
    request: teams('redder', 'Red'),
    allowed: true,
  },
  { what: 'headers * and an empty one', rule: team(['*']), peer: 'b', request: teams(''), allowed: true },
  { what: 'headers * and none', rule: team(['*']), peer: 'b', allowed: false },
];

/** Of TLS alone; once asked for as bytes that are no UTF-8, which no patterns of Envoy 1.36 but a few can see. */
export const byServerName: readonly Edge[] = (['ALLOW', 'DENY'] as const).flatMap((action): readonly Edge[] => {
  const asked = (what: string, value: string, serverName: string, found: boolean): Edge => ({
    what: `${what} (${action})`,
    action,
    rule: { when: [{ key: 'connection.sni', values: [stringMatch(value)], notValues: [] }] },
    peer: 'anonymous',
    serverName,
    allowed: (action === 'ALLOW') === found,
  });
  return [
    asked('any server name', '*', '\\xff.example', true),
    asked('a server name in another case', 'Api.Example', 'aPI.example', true),
    asked('a server name in the case of the policy', 'Api.Example', 'Api.Example', true),
    asked('the beginning of a server name in another case', 'API.*', 'api.example', true),
    asked('the end of a server name in another case', '*.EXAMPLE', 'api.example', true),
    asked('another server name', 'Api.Example', 'api.examples', false),
  ];
});
