import fc from 'fast-check';
import {
  type AuthorizationPolicy,
  type AuthorizationRule,
  anyOperation,
  anySource,
  type Condition,
  type MatchSet,
  type MetadataMatch,
  type Operation,
  type RequestPrincipalMatch,
  type ServiceAccountRef,
  type Source,
} from '../../src/model/authorization-policy.ts';
import { trustDomain } from '../../src/model/ids.ts';
import type { IpBlock } from '../../src/model/ip-block.ts';
import type { PathMatch, StringMatch } from '../../src/model/match.ts';
import type { TrustDomains } from '../../src/translate/policy/authorization-trust-domain.ts';
import { leftFilter, type NaiveRequest } from './rbac-naive.ts';
import { policy } from './rbac-policies.ts';
import { claimNames, type Payload, payloads } from './rbac-tokens.ts';
import { namespacesOf, type Vocabulary } from './rbac-words.ts';

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

const templates: fc.Arbitrary<PathMatch> = fc
  .constantFrom('/admin/{*}', '/admin/{**}', '/{*}', '/{**}', '/{*}/x', '/a/{*}/b/{**}', '/{*}/{*}', '/%2e%2e/{**}')
  .map((value) => ({ kind: 'template', value }));

const blocks: fc.Arbitrary<IpBlock> = fc.constantFrom(
  { address: '127.0.0.1', prefixLength: 32 },
  { address: '127.0.0.2', prefixLength: 32 },
  { address: '127.0.0.0', prefixLength: 31 },
  { address: '127.0.0.0', prefixLength: 8 },
  { address: '10.0.0.0', prefixLength: 8 },
  { address: '::', prefixLength: 0 },
  { address: 'fd00::', prefixLength: 15 },
  { address: 'fd00:1::2', prefixLength: 128 },
  { address: '0.0.0.0', prefixLength: 0 },
);

const accounts: fc.Arbitrary<ServiceAccountRef> = fc.constantFrom(
  { namespace: 'a', name: 'b' },
  { namespace: 'a', name: 'b2' },
  { namespace: 'a-prod', name: 'b' },
  { namespace: 'a.b', name: 'x.y' },
  { namespace: 'b', name: 'b' },
);

const domains = ['cluster.local', 'old.example', 'new.example', 'clusterXlocal', 'td', 'ns'];
export const serverNames = [
  '',
  'api.example',
  'API.Example',
  'other.example',
  'outbound_.80_._.web.foo.svc.cluster.local',
];
/** What proxies before us say that a request was forwarded for. */
const forwardedFor = ['127.0.0.2', '10.1.2.3', 'fd00:1::2', 'fd02::1'];
export const headerValues = ['red', 'Red', 'blue', 'red,blue', '.*', ''];

function requestPrincipals(): fc.Arbitrary<RequestPrincipalMatch> {
  return fc.record({
    issuer: matchOf(payloads.map(({ iss }) => iss)),
    subject: fc.oneof(matchOf(payloads.map(({ sub }) => sub)), fc.constant<StringMatch>({ kind: 'exact', value: '' })),
  });
}

function texts(words: readonly string[]): fc.Arbitrary<MatchSet<StringMatch>> {
  return askedOf(matchOf(words.filter((word) => word !== '')));
}

/** A set that asks for something: an entry of `when` always does. */
function askedOf<T>(value: fc.Arbitrary<T>): fc.Arbitrary<MatchSet<T>> {
  return setOf(value).filter(({ values, notValues }) => values.length + notValues.length > 0);
}

const leftPaths = fc.constantFrom<readonly string[]>(
  ['word'],
  ['list'],
  ['deep', 'word'],
  ['deep'],
  ['number'],
  ['none'],
);
const leftValues: fc.Arbitrary<MetadataMatch> = fc.record({
  match: matchOf(['a.c', 'abc', 'red', '.*', 'blue', '5']),
  inList: fc.boolean(),
});

function conditionOf(words: Vocabulary): fc.Arbitrary<Condition> {
  const claims = claimNames.map((claim) =>
    texts(payloads.flatMap((payload) => wordsIn(payload, claim))).map(
      (set): Condition => ({ key: 'request.auth.claims', claim, ...set }),
    ),
  );
  const ips = (['source.ip', 'remote.ip', 'destination.ip'] as const).map((key) =>
    askedOf(blocks).map((set): Condition => ({ key, ...set })),
  );
  return fc.oneof(
    texts(words.principals).map((set): Condition => ({ key: 'source.principal', ...set })),
    texts(namespacesOf(words)).map((set): Condition => ({ key: 'source.namespace', ...set })),
    texts(domains).map((set): Condition => ({ key: 'source.trustDomain', ...set })),
    askedOf(accounts).map((set): Condition => ({ key: 'source.serviceAccount', ...set })),
    ...ips,
    askedOf(requestPrincipals()).map((set): Condition => ({ key: 'request.auth.principal', ...set })),
    texts(payloads.flatMap((payload) => wordsIn(payload, ['aud']))).map(
      (set): Condition => ({ key: 'request.auth.audiences', ...set }),
    ),
    texts(payloads.flatMap((payload) => wordsIn(payload, ['azp']))).map(
      (set): Condition => ({ key: 'request.auth.presenter', ...set }),
    ),
    ...claims,
    texts(headerValues).map((set): Condition => ({ key: 'request.headers', header: 'x-team', ...set })),
    askedOf(fc.constantFrom(...words.ports)).map((set): Condition => ({ key: 'destination.port', ...set })),
    texts(serverNames).map((set): Condition => ({ key: 'connection.sni', ...set })),
    fc
      .record({
        filter: fc.constantFrom(leftFilter, leftFilter, 'envoy.filters.http.other'),
        path: leftPaths,
        set: askedOf(leftValues),
      })
      .map(({ filter, path, set }): Condition => ({ key: 'experimental.envoy.filters', filter, path, ...set })),
  );
}

/** The words that a claim holds. */
function wordsIn(payload: Payload, claim: readonly string[]): readonly string[] {
  let value: unknown = payload;
  for (const key of claim) value = typeof value === 'object' && value !== null ? Object(value)[key] : undefined;
  return (Array.isArray(value) ? value : [value]).flatMap((each) =>
    typeof each === 'number' || typeof each === 'boolean'
      ? [JSON.stringify(each), `${JSON.stringify(each)}.0`, '9007199254740993']
      : typeof each === 'string' && each !== ''
        ? [each]
        : [],
  );
}

function sourceOf(words: Vocabulary): fc.Arbitrary<Source> {
  return fc.record({
    principals: setOf(matchOf(words.principals)),
    requestPrincipals: rarely(setOf(requestPrincipals())),
    namespaces: setOf(
      fc.oneof(
        { weight: 5, arbitrary: matchOf(namespacesOf(words)) },
        { weight: 1, arbitrary: fc.constant<StringMatch>({ kind: 'exact', value: 'a*d' }) },
      ),
    ),
    serviceAccounts: rarely(setOf(accounts)),
    trustDomains: rarely(setOf(matchOf(domains))),
    ipBlocks: rarely(setOf(blocks)),
    remoteIpBlocks: rarely(setOf(blocks)),
  });
}

/** Most rules ask about few things: with all of them at once nothing would ever match. */
function rarely<T>(set: fc.Arbitrary<MatchSet<T>>): fc.Arbitrary<MatchSet<T>> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant({ values: [], notValues: [] }) }, { weight: 1, arbitrary: set });
}

function operationOf(words: Vocabulary): fc.Arbitrary<Operation> {
  return fc.record({
    hosts: setOf(matchOf(words.hosts)),
    ports: setOf(fc.constantFrom(...words.ports)),
    methods: setOf(matchOf(words.methods)),
    paths: setOf(pathOf(words)),
  });
}

const pathOf = (words: Vocabulary): fc.Arbitrary<PathMatch> =>
  fc.oneof({ weight: 4, arbitrary: matchOf(words.paths) }, { weight: 1, arbitrary: templates });

function ruleOf(words: Vocabulary): fc.Arbitrary<AuthorizationRule> {
  return fc.record({
    from: fc.array(sourceOf(words), { maxLength: 2 }),
    to: fc.array(operationOf(words), { maxLength: 2 }),
    when: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 2, arbitrary: fc.array(conditionOf(words), { maxLength: 2 }) },
    ),
  });
}

/** A policy of one rule with one condition: whether a single value is compared rightly decides everything. */
export function singleConditionOf(words: Vocabulary): fc.Arbitrary<readonly AuthorizationPolicy[]> {
  const one = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<MatchSet<T>> =>
    value.map((only) => ({ values: [only], notValues: [] }));
  const from = (source: fc.Arbitrary<Partial<Source>>): fc.Arbitrary<AuthorizationRule> =>
    source.map((fields) => ({ from: [{ ...anySource, ...fields }], to: [], when: [] }));
  const to = (operation: fc.Arbitrary<Partial<Operation>>): fc.Arbitrary<AuthorizationRule> =>
    operation.map((fields) => ({ from: [], to: [{ ...anyOperation, ...fields }], when: [] }));
  const rule: fc.Arbitrary<AuthorizationRule> = fc.oneof(
    from(one(matchOf(words.principals)).map((principals) => ({ principals }))),
    from(one(requestPrincipals()).map((requestPrincipals) => ({ requestPrincipals }))),
    from(one(matchOf(namespacesOf(words))).map((namespaces) => ({ namespaces }))),
    from(one(accounts).map((serviceAccounts) => ({ serviceAccounts }))),
    from(one(matchOf(domains)).map((trustDomains) => ({ trustDomains }))),
    from(one(blocks).map((ipBlocks) => ({ ipBlocks }))),
    from(one(blocks).map((remoteIpBlocks) => ({ remoteIpBlocks }))),
    to(one(matchOf(words.hosts)).map((hosts) => ({ hosts }))),
    to(one(pathOf(words)).map((paths) => ({ paths }))),
    to(one(matchOf(words.methods)).map((methods) => ({ methods }))),
    conditionOf(words).map((condition) => ({ from: [], to: [], when: [condition] })),
  );
  return fc
    .tuple(fc.constantFrom('ALLOW' as const, 'DENY' as const), rule)
    .map(([action, only]) => [{ ...policy('p', action, []), rules: [only] }]);
}

/** Some policies of different names, with any mix of actions. */
export function policiesOf(words: Vocabulary): fc.Arbitrary<readonly AuthorizationPolicy[]> {
  const body = fc.record({
    action: fc.constantFrom('ALLOW', 'DENY', 'ALLOW', 'DENY', 'AUDIT'),
    dryRun: fc.constantFrom(false, false, false, true),
    rules: fc.array(ruleOf(words), { maxLength: 3 }),
  });
  return fc.array(body, { maxLength: 4 }).map((bodies) =>
    bodies.map(({ action, rules, dryRun }, i) => ({
      ...policy(`p${i}`, action, []),
      rules,
      dryRun: dryRun && action !== 'AUDIT',
    })),
  );
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
    clientAddress: fc.constantFrom('127.0.0.1', '127.0.0.2', '127.0.0.9'),
    serverAddress: fc.constant('127.0.0.1'),
    forwardedFor:
      protocol === 'tcp' ? fc.constant(undefined) : fc.option(fc.constantFrom(...forwardedFor), { nil: undefined }),
    sni: fc.constantFrom(...serverNames),
    team: fc.option(fc.constantFrom(...headerValues), { nil: undefined }),
    claims: protocol === 'tcp' ? fc.constant(undefined) : fc.option(fc.constantFrom(...payloads), { nil: undefined }),
  });
}

/** Meshes with and without aliases, one of which isn't called `cluster.local`. */
export const someMesh: fc.Arbitrary<TrustDomains> = fc.constantFrom(
  { trustDomain: trustDomain('cluster.local'), trustDomainAliases: [] },
  { trustDomain: trustDomain('cluster.local'), trustDomainAliases: [trustDomain('old.example')] },
  { trustDomain: trustDomain('new.example'), trustDomainAliases: [trustDomain('old.example'), trustDomain('td')] },
);
