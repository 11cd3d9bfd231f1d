import { byClient, byHeader, byRequest, type FieldRow, type RowWorld } from './e2e-fields.ts';
import { from } from './e2e-policies.ts';
import type { Client } from './e2e-world.ts';

const [foo, bar, legacy] = ['sleep.foo', 'sleep.bar', 'sleep.legacy'] as const;
const everybody: readonly Client[] = [foo, bar, legacy];
const mesh: readonly Client[] = [foo, bar];
const nobody = { miss: everybody };

const account = (name: string, namespace = 'foo', domain = 'cluster.local'): string =>
  `${domain}/ns/${namespace}/sa/${name}`;

/** Who the peer proves to be. Over plaintext nobody proves anything, so no field matches and every `not` does. */
const identities: readonly FieldRow[] = [
  byClient('principals', 'exact', from({ principals: [account('sleep')] }), { match: [foo], miss: [bar, legacy] }),
  byClient('principals', 'prefix', from({ principals: ['cluster.local/ns/foo/*'] }), {
    match: [foo],
    miss: [bar, legacy],
  }),
  byClient('principals', 'suffix', from({ principals: ['*/bar/sa/sleep'] }), { match: [bar], miss: [foo, legacy] }),
  byClient('principals', 'any', from({ principals: ['*'] }), { match: mesh, miss: [legacy] }),
  byClient('principals', 'one of two', from({ principals: [account('x'), account('sleep', 'bar')] }), {
    match: [bar],
    miss: [foo, legacy],
  }),
  byClient('principals', 'cut short', from({ principals: [account('slee'), 'ocal/ns/foo/sa/sleep'] }), nobody),
  byClient('principals', 'in other case', from({ principals: [account('Sleep'), account('sleep', 'FOO')] }), nobody),
  byClient(
    'principals',
    'that look like patterns',
    from({ principals: [account('slee.'), account('.*'), account('(sleep|x)'), account('sle*p'), '*/sa/slee[p]'] }),
    nobody,
  ),
  byClient('notPrincipals', 'exact', from({ notPrincipals: [account('sleep')] }), {
    match: [bar, legacy],
    miss: [foo],
  }),
  byClient('notPrincipals', 'any', from({ notPrincipals: ['*'] }), { match: [legacy], miss: mesh }),
  byClient('notPrincipals', 'suffix', from({ notPrincipals: ['*/sa/sleep'] }), { match: [legacy], miss: mesh }),

  byClient('namespaces', 'exact', from({ namespaces: ['foo'] }), { match: [foo], miss: [bar, legacy] }),
  byClient('namespaces', 'prefix', from({ namespaces: ['ba*'] }), { match: [bar], miss: [foo, legacy] }),
  byClient('namespaces', 'suffix', from({ namespaces: ['*oo'] }), { match: [foo], miss: [bar, legacy] }),
  byClient('namespaces', 'star inside', from({ namespaces: ['f*o'] }), { match: [foo], miss: [bar, legacy] }),
  byClient('namespaces', 'any', from({ namespaces: ['*'] }), { match: mesh, miss: [legacy] }),
  byClient('namespaces', 'cut short', from({ namespaces: ['fo', 'oo', 'ar', 'foo-x'] }), nobody),
  byClient(
    'namespaces',
    'that look like patterns',
    from({ namespaces: ['fo.', 'f.*', '(foo|bar)', '[a-z]+'] }),
    nobody,
  ),
  byClient('notNamespaces', 'exact', from({ notNamespaces: ['bar'] }), { match: [foo, legacy], miss: [bar] }),
  byClient('notNamespaces', 'beside namespaces', from({ namespaces: ['*'], notNamespaces: ['bar'] }), {
    match: [foo],
    miss: [bar, legacy],
  }),

  byClient('serviceAccounts', 'with its namespace', from({ serviceAccounts: ['bar/sleep'] }), {
    match: [bar],
    miss: [foo, legacy],
  }),
  byClient('serviceAccounts', 'of the policy’s namespace', from({ serviceAccounts: ['sleep'] }), {
    match: [foo],
    miss: [bar, legacy],
  }),
  byClient(
    'serviceAccounts',
    'cut short',
    from({ serviceAccounts: ['foo/slee', 'fo/sleep', 'leep', 'oo/sleep'] }),
    nobody,
  ),
  byClient(
    'serviceAccounts',
    'with a dot, which is no pattern',
    from({ serviceAccounts: ['foo/sl.ep', 'sle.p'] }),
    nobody,
  ),
  byClient('notServiceAccounts', 'exact', from({ notServiceAccounts: ['foo/sleep'] }), {
    match: [bar, legacy],
    miss: [foo],
  }),

  byClient('trustDomains', 'exact', from({ trustDomains: ['cluster.local'] }), { match: mesh, miss: [legacy] }),
  byClient('trustDomains', 'prefix', from({ trustDomains: ['cluster*'] }), { match: mesh, miss: [legacy] }),
  byClient('trustDomains', 'suffix', from({ trustDomains: ['*.local'] }), { match: mesh, miss: [legacy] }),
  byClient('trustDomains', 'any', from({ trustDomains: ['*'] }), { match: mesh, miss: [legacy] }),
  byClient('trustDomains', 'cut short', from({ trustDomains: ['cluster.loca', 'luster.local', 'ocal'] }), nobody),
  byClient(
    'trustDomains',
    'that look like patterns',
    from({ trustDomains: ['cluster.loca.', 'cluster?local', '.+'] }),
    nobody,
  ),
  byClient('notTrustDomains', 'exact', from({ notTrustDomains: ['cluster.local'] }), { match: [legacy], miss: mesh }),
  byClient('notTrustDomains', 'another', from({ notTrustDomains: ['other.example'] }), { match: everybody }),

  byClient('two sources', 'either', from({ namespaces: ['bar'] }, { notPrincipals: ['*'] }), {
    match: [bar, legacy],
    miss: [foo],
  }),
  byRequest('requestPrincipals', 'without a token', from({ requestPrincipals: ['*'] }), { miss: ['/'] }),
  byRequest('notRequestPrincipals', 'without a token', from({ notRequestPrincipals: ['*'] }), { match: ['/'] }),
];

const only =
  (pod: string) =>
  ({ ip }: RowWorld) =>
    from({ ipBlocks: [`${ip(pod)}/32`] });
/** The first two bytes of an address. */
const wide = (address: string): string => `${address.split('.').slice(0, 2).join('.')}.0.0/16`;
const spoofed = { headers: { 'x-forwarded-for': '192.0.2.7' } };
const spoofedTwice = { headers: { 'x-forwarded-for': '192.0.2.7, 192.0.2.8' } };
const spoofedInTwoLines = { headers: { 'x-forwarded-for': ['192.0.2.7', '192.0.2.8'] } };
const nonsense = { headers: { 'x-forwarded-for': 'nobody' } };

/** Where the peer is. */
const addresses: readonly FieldRow[] = [
  byClient('ipBlocks', 'one address', only('sleep.legacy'), { match: [legacy], miss: mesh }),
  byClient('ipBlocks', 'without a length', ({ ip }) => from({ ipBlocks: [ip('sleep.bar')] }), {
    match: [bar],
    miss: [foo, legacy],
  }),
  byClient('ipBlocks', 'a range of all pods', ({ ip }) => from({ ipBlocks: [wide(ip('sleep.foo'))] }), {
    match: everybody,
  }),
  byClient('ipBlocks', 'all IPv4', from({ ipBlocks: ['0.0.0.0/0'] }), { match: everybody }),
  byClient('ipBlocks', 'all IPv6, and ranges of others', from({ ipBlocks: ['::/0', '192.0.2.0/24'] }), nobody),
  byClient(
    'ipBlocks',
    'without one address of a range',
    ({ ip }) => from({ ipBlocks: [wide(ip('sleep.foo'))], notIpBlocks: [ip('sleep.foo')] }),
    { match: [bar, legacy], miss: [foo] },
  ),
  byClient('notIpBlocks', 'one address', ({ ip }) => from({ notIpBlocks: [`${ip('sleep.foo')}/32`] }), {
    match: [bar, legacy],
    miss: [foo],
  }),
  byHeader('ipBlocks', 'whatever a header says', from({ ipBlocks: ['192.0.2.7', '192.0.2.8'] }), {
    miss: [{}, spoofed, spoofedTwice],
  }),

  byClient('remoteIpBlocks', 'one address, without a header', ({ ip }) => from({ remoteIpBlocks: [ip('sleep.foo')] }), {
    match: [foo],
    miss: [bar, legacy],
  }),
  byClient('notRemoteIpBlocks', 'one address', ({ ip }) => from({ notRemoteIpBlocks: [ip('sleep.foo')] }), {
    match: [bar, legacy],
    miss: [foo],
  }),
  // A sidecar takes the last address of X-Forwarded-For for the client's, whoever wrote it (behaviour.md 3.5): these fields
  // are for gateways, and for meshes in which everybody who can reach a sidecar is trusted to tell the truth.
  byHeader('remoteIpBlocks', 'the last address in X-Forwarded-For', from({ remoteIpBlocks: ['192.0.2.8/32'] }), {
    match: [spoofedTwice, spoofedInTwoLines],
    miss: [{}, spoofed, nonsense],
  }),
  byHeader('remoteIpBlocks', 'no other address of it', from({ remoteIpBlocks: ['192.0.2.7/32'] }), {
    match: [spoofed],
    miss: [{}, spoofedTwice, spoofedInTwoLines],
  }),
  byHeader('notRemoteIpBlocks', 'the last address in X-Forwarded-For', from({ notRemoteIpBlocks: ['192.0.2.8'] }), {
    match: [{}, spoofed, nonsense],
    miss: [spoofedTwice],
  }),
];

/** Every field of `from`. Fields that only a token gives are shown where there are tokens. */
export const fromRows: readonly FieldRow[] = [...identities, ...addresses];

/** The same under mesh settings that name an alias of the trust domain. */
export const aliasRows: readonly FieldRow[] = [
  byClient('principals', 'of an alias', from({ principals: [account('sleep', 'foo', 'old.example')] }), {
    match: [foo],
    miss: [bar, legacy],
  }),
  byClient(
    'principals',
    'of a domain that is none',
    from({ principals: [account('sleep', 'foo', 'new.example')] }),
    nobody,
  ),
  byClient('notPrincipals', 'of an alias', from({ notPrincipals: [account('sleep', 'foo', 'old.example')] }), {
    match: [bar, legacy],
    miss: [foo],
  }),
  byClient('trustDomains', 'an alias', from({ trustDomains: ['old.example'] }), { match: mesh, miss: [legacy] }),
  byClient('trustDomains', 'a pattern of an alias, which stays a pattern', from({ trustDomains: ['old*'] }), nobody),
];
