import fc from 'fast-check';
import type {
  AuthorizationPolicy,
  AuthorizationRule,
  MatchSet,
  Operation,
  Source,
} from '../../src/model/authorization-policy.ts';
import { trustDomain } from '../../src/model/ids.ts';
import type { StringMatch } from '../../src/model/match.ts';
import type { TrustDomains } from '../../src/translate/policy/authorization-trust-domain.ts';
import type { NaiveRequest } from './rbac-naive.ts';
import { policy } from './rbac-policies.ts';

/** The words that policies and requests are made of. Both draw from the same ones, so that they often meet. */
export interface Vocabulary {
  readonly principals: readonly string[];
  readonly hosts: readonly string[];
  readonly methods: readonly string[];
  readonly paths: readonly string[];
  readonly ports: readonly number[];
}

/** Words that go over a wire: what Envoy's HTTP codec and a certificate's URI can carry. */
export const wireWords: Omit<Vocabulary, 'ports'> = {
  principals: [
    'cluster.local/ns/a/sa/b',
    'cluster.local/ns/a/sa/b2',
    'cluster.local/ns/a-prod/sa/b',
    'cluster.local/ns/a.b/sa/x.y',
    'old.example/ns/a/sa/b',
    'clusterXlocal/ns/a/sa/b',
    'cluster.local/team/ns/a/sa/b',
    'cluster.local/ns/b/sa/ns/a/x',
    'ns/ns/a/sa/b',
  ],
  hosts: [
    'example.com',
    'a.example.com',
    'EXAMPLE.com',
    'exampleXcom',
    'example.com:8080',
    'Example.Com:',
    'example.com:80x',
    '[::1]',
    '[::1]:80',
    'x:1:2',
    '10.0.0.1:9',
  ],
  methods: ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'],
  paths: [
    '/',
    '/admin',
    '/admin/',
    '/admin/x',
    '//admin',
    '/Admin',
    '/a.c',
    '/abc',
    '/a+c',
    '/a*',
    '/[a]',
    '/(a|b)',
    '/%2e%2e/a',
    '/../a',
    '/a/./b',
    '/a;x',
    '/$',
    '/^a$',
    '/{a}',
    '/a\\b',
    '/*',
  ],
};

/** Words that no wire carries, but a policy may hold; a matcher mustn't stumble over them. */
export const wildWords: Omit<Vocabulary, 'ports'> = {
  principals: [
    ...wireWords.principals,
    'td/ns//sa/b',
    'td/ns/é/sa/ü',
    'td/ns/a+b/sa/(c)',
    'td/ns/a\nb/sa/c',
    'td/ns/\\Q\\E/sa/[x]',
    `td/ns/a/sa/${'long'.repeat(30)}`,
    'jinsu-macbook',
  ],
  hosts: [...wireWords.hosts, 'é.example', 'a|b', '.*', '^x$', '[a.com:b]:80', 'a]:80', '[x]y]:1', ':', '::', 'a\nb'],
  methods: [...wireWords.methods, 'get', 'G.T', 'M-SEARCH', '(GET)'],
  paths: [...wireWords.paths, '*', '/é', '/😀/x', '/a\nb', '/\\E.*', '/a\u2028b', '/\0'],
};

/** A value made from a word: all of it, its beginning, its end, anything; now and then one character is another. */
function matchOf(words: readonly string[]): fc.Arbitrary<StringMatch> {
  const word = fc.constantFrom(...words);
  const at = fc.double({ min: 0, max: 1, noNaN: true });
  const near = fc.tuple(word, at, fc.constantFrom('.', '*', 'x', '/', ':', ']', 'é')).map(([text, where, other]) => {
    const points = [...text];
    return points.with(Math.floor(where * (points.length - 1)), other).join('');
  });
  const cut = fc
    .tuple(fc.oneof({ weight: 4, arbitrary: word }, { weight: 1, arbitrary: near }), at)
    .map(([text, where]) => {
      const points = [...text];
      const index = Math.round(where * points.length);
      return [points.slice(0, index).join(''), points.slice(index).join('')] as const;
    });
  const present: StringMatch = { kind: 'present' };
  return fc.oneof(
    { weight: 4, arbitrary: word.map((value): StringMatch => ({ kind: 'exact', value })) },
    { weight: 1, arbitrary: near.map((value): StringMatch => ({ kind: 'exact', value })) },
    { weight: 2, arbitrary: cut.map(([value]): StringMatch => (value === '' ? present : { kind: 'prefix', value })) },
    { weight: 2, arbitrary: cut.map(([, value]): StringMatch => (value === '' ? present : { kind: 'suffix', value })) },
    { weight: 1, arbitrary: fc.constant(present) },
  );
}

function setOf<T>(value: fc.Arbitrary<T>): fc.Arbitrary<MatchSet<T>> {
  const some = fc.array(value, { minLength: 1, maxLength: 3 });
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant({ values: [], notValues: [] }) },
    { weight: 4, arbitrary: some.map((values) => ({ values, notValues: [] })) },
    { weight: 2, arbitrary: some.map((notValues) => ({ values: [], notValues })) },
    { weight: 1, arbitrary: fc.record({ values: some, notValues: some }) },
  );
}

function namespacesOf(words: Vocabulary): readonly string[] {
  return [...new Set(words.principals.flatMap((id) => id.split('/')).filter((part) => part !== ''))];
}

function ruleOf(words: Vocabulary): fc.Arbitrary<AuthorizationRule> {
  const source: fc.Arbitrary<Source> = fc.record({
    principals: setOf(matchOf(words.principals)),
    namespaces: setOf(
      fc.oneof(
        { weight: 5, arbitrary: matchOf(namespacesOf(words)) },
        { weight: 1, arbitrary: fc.constant<StringMatch>({ kind: 'exact', value: 'a*d' }) },
      ),
    ),
  });
  const operation: fc.Arbitrary<Operation> = fc.record({
    hosts: setOf(matchOf(words.hosts)),
    ports: setOf(fc.constantFrom(...words.ports)),
    methods: setOf(matchOf(words.methods)),
    paths: setOf(matchOf(words.paths)),
  });
  return fc.record({ from: fc.array(source, { maxLength: 2 }), to: fc.array(operation, { maxLength: 2 }) });
}

/** A policy of one rule with one condition: whether a single value is compared rightly decides everything. */
export function singleConditionOf(words: Vocabulary): fc.Arbitrary<readonly AuthorizationPolicy[]> {
  const none: MatchSet<never> = { values: [], notValues: [] };
  const anySource: Source = { principals: none, namespaces: none };
  const anyOperation: Operation = { hosts: none, ports: none, methods: none, paths: none };
  const one = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<MatchSet<T>> =>
    value.map((only) => ({ values: [only], notValues: [] }));
  const rule: fc.Arbitrary<AuthorizationRule> = fc.oneof(
    one(matchOf(words.principals)).map((principals) => ({ from: [{ ...anySource, principals }], to: [] })),
    one(matchOf(namespacesOf(words))).map((namespaces) => ({ from: [{ ...anySource, namespaces }], to: [] })),
    one(matchOf(words.hosts)).map((hosts) => ({ from: [], to: [{ ...anyOperation, hosts }] })),
    one(matchOf(words.paths)).map((paths) => ({ from: [], to: [{ ...anyOperation, paths }] })),
    one(matchOf(words.methods)).map((methods) => ({ from: [], to: [{ ...anyOperation, methods }] })),
  );
  return fc
    .tuple(fc.constantFrom('ALLOW' as const, 'DENY' as const), rule)
    .map(([action, only]) => [{ ...policy('p', action, []), rules: [only] }]);
}

/** Some policies of different names, with any mix of actions. */
export function policiesOf(words: Vocabulary): fc.Arbitrary<readonly AuthorizationPolicy[]> {
  const body = fc.record({
    action: fc.constantFrom('ALLOW', 'DENY'),
    rules: fc.array(ruleOf(words), { maxLength: 3 }),
  });
  return fc
    .array(body, { maxLength: 4 })
    .map((bodies) => bodies.map(({ action, rules }, i) => ({ ...policy(`p${i}`, action, []), rules })));
}

export function requestOf(words: Vocabulary, protocol: 'http' | 'tcp'): fc.Arbitrary<NaiveRequest> {
  const query = fc.constantFrom('', '', '', '?x=1', '?', '?a=/admin');
  return fc.record({
    protocol: fc.constant(protocol),
    principal: fc.oneof(
      fc.constant(''),
      fc.constantFrom(...words.principals).map((id) => `spiffe://${id}`),
      fc.constantFrom(...words.principals).map((id) => `spiffe://${id}`),
    ),
    host: fc.constantFrom(...words.hosts),
    method: fc.constantFrom(...words.methods),
    path: fc.tuple(fc.constantFrom(...words.paths), query).map(([path, end]) => path + end),
    port: fc.constantFrom(...words.ports),
  });
}

/** Meshes with and without aliases, one of which isn't called `cluster.local`. */
export const someMesh: fc.Arbitrary<TrustDomains> = fc.constantFrom(
  { trustDomain: trustDomain('cluster.local'), trustDomainAliases: [] },
  { trustDomain: trustDomain('cluster.local'), trustDomainAliases: [trustDomain('old.example')] },
  { trustDomain: trustDomain('new.example'), trustDomainAliases: [trustDomain('old.example'), trustDomain('td')] },
);
