import { destinationRule, hostOf, type RuleScope } from './e2e-destination-rules.ts';
import type { PolicyObject } from './e2e-policies.ts';

/** Rules, and which of them clients in server.foo's namespace and in another one follow on its HTTP port. */
export interface ScopeCase {
  readonly name: string;
  readonly rules: readonly PolicyObject[];
  /** Of sleep.foo and sleep.bar: `<over what> by <rule>`. */
  readonly seen: readonly [foo: string, bar: string];
}

const server = hostOf('server.foo');
type Mode = 'DISABLE' | 'ISTIO_MUTUAL';
const rule = (namespace: string, mode: Mode, more: Partial<RuleScope> = {}): PolicyObject =>
  destinationRule(
    { namespace, host: server, name: `rule-${mode === 'DISABLE' ? 'plain' : 'mtls'}`, ...more },
    {
      tls: { mode },
    },
  );

const plainOf = (namespace: string): string => `plaintext by rule-plain.${namespace}`;
const mtlsOf = (namespace: string): string => `mTLS by rule-mtls.${namespace}`;
const nobody = 'mTLS by no rule';

/** A rule that was written for something else than TLS. */
const withoutTls = destinationRule({
  namespace: 'istio-system',
  host: server,
  name: 'rule-subsets',
  subsets: [{ name: 'all', labels: { app: 'server' } }],
});

/**
 * As in releases without auto mTLS (behaviour.md 2.2): mTLS everywhere by a wildcard, and a rule without `tls` for one host switches
 * it off there.
 */
export const withoutAutoMtls: readonly ScopeCase[] = [
  { name: 'no rule', rules: [], seen: ['plaintext by no rule', 'plaintext by no rule'] },
  {
    name: 'a wildcard with mTLS',
    rules: [rule('istio-system', 'ISTIO_MUTUAL', { host: '*.local' })],
    seen: [mtlsOf('istio-system'), mtlsOf('istio-system')],
  },
  {
    name: 'a rule without tls beside the wildcard: it takes its place, and switches TLS off',
    rules: [rule('istio-system', 'ISTIO_MUTUAL', { host: '*.local' }), withoutTls],
    seen: ['plaintext by rule-subsets.istio-system', 'plaintext by rule-subsets.istio-system'],
  },
  {
    name: 'top level DISABLE, and mTLS for the port',
    rules: [ports('DISABLE', { tls: { mode: 'ISTIO_MUTUAL' } })],
    seen: ['mTLS by rule-ports.foo', 'mTLS by rule-ports.foo'],
  },
];

/** Whose rule counts (behaviour.md 4.5). Modes differ in each case, so that bytes on the wire tell which rule it was. */
export const scopeCases: readonly ScopeCase[] = [
  { name: 'no rule', rules: [], seen: [nobody, nobody] },
  {
    name: 'a rule of the root namespace',
    rules: [rule('istio-system', 'DISABLE')],
    seen: [plainOf('istio-system'), plainOf('istio-system')],
  },
  {
    name: 'a rule of the server’s namespace over one of the root',
    rules: [rule('istio-system', 'DISABLE'), rule('foo', 'ISTIO_MUTUAL')],
    seen: [mtlsOf('foo'), mtlsOf('foo')],
  },
  {
    name: 'a rule of the client’s namespace over one of the server’s',
    rules: [rule('foo', 'DISABLE'), rule('bar', 'ISTIO_MUTUAL')],
    seen: [plainOf('foo'), mtlsOf('bar')],
  },
  {
    name: 'a rule of a namespace that is neither',
    rules: [rule('legacy', 'DISABLE')],
    seen: [nobody, nobody],
  },
  {
    name: 'a wildcard of the client’s namespace over the full name in the server’s',
    rules: [rule('foo', 'ISTIO_MUTUAL'), rule('bar', 'DISABLE', { host: '*.local' })],
    seen: [mtlsOf('foo'), plainOf('bar')],
  },
  {
    name: 'the full name over wildcards of the same namespace',
    rules: [rule('bar', 'DISABLE', { host: '*.foo.svc.cluster.local' }), rule('bar', 'ISTIO_MUTUAL')],
    seen: [nobody, mtlsOf('bar')],
  },
  {
    name: 'the longer wildcard over the shorter',
    rules: [
      rule('istio-system', 'DISABLE', { host: '*.local' }),
      rule('istio-system', 'ISTIO_MUTUAL', { host: '*.foo.svc.cluster.local' }),
    ],
    seen: [mtlsOf('istio-system'), mtlsOf('istio-system')],
  },
  {
    name: 'a short host, which means the rule’s own namespace',
    rules: [rule('foo', 'DISABLE', { host: 'server' }), rule('bar', 'ISTIO_MUTUAL', { host: 'server' })],
    seen: [plainOf('foo'), plainOf('foo')],
  },
  {
    name: 'exportTo ".": others go on to the root, not to what is less specific there',
    rules: [
      rule('foo', 'DISABLE', { exportTo: ['.'] }),
      rule('foo', 'DISABLE', { name: 'wide', host: '*.foo.svc.cluster.local' }),
      rule('istio-system', 'ISTIO_MUTUAL', { host: '*.local' }),
    ],
    seen: [plainOf('foo'), mtlsOf('istio-system')],
  },
  {
    name: 'exportTo of another namespace: its own clients follow it all the same',
    rules: [rule('foo', 'DISABLE', { exportTo: ['legacy'] })],
    seen: [plainOf('foo'), nobody],
  },
  {
    name: 'exportTo of the client’s namespace',
    rules: [rule('foo', 'DISABLE', { exportTo: ['bar'] })],
    seen: [plainOf('foo'), plainOf('foo')],
  },
  {
    name: 'a rule for clients with a label over one for all of the namespace',
    rules: [rule('bar', 'ISTIO_MUTUAL'), rule('bar', 'DISABLE', { clients: 'sleep' })],
    seen: [nobody, plainOf('bar')],
  },
  {
    name: 'a rule for clients with another label',
    rules: [rule('bar', 'DISABLE', { clients: 'server' })],
    seen: [nobody, nobody],
  },
  {
    name: 'a rule for clients with a label, in the server’s namespace: it is for clients there',
    rules: [rule('foo', 'DISABLE', { clients: 'sleep' })],
    seen: [plainOf('foo'), nobody],
  },
  {
    name: 'two rules of one namespace: the older policy counts',
    rules: [
      older(rule('foo', 'DISABLE'), '2026-01-01T00:00:00Z'),
      older(rule('foo', 'ISTIO_MUTUAL'), '2026-01-02T00:00:00Z'),
    ],
    seen: [plainOf('foo'), plainOf('foo')],
  },
  {
    name: 'a rule without tls beside a wildcard that has it: it takes its place, and auto mTLS stays',
    rules: [rule('istio-system', 'DISABLE', { host: '*.local' }), withoutTls],
    seen: ['mTLS by rule-subsets.istio-system', 'mTLS by rule-subsets.istio-system'],
  },
  {
    name: 'a port entry without tls, which replaces all that is said for the service',
    rules: [ports('DISABLE', { loadBalancer: { simple: 'RANDOM' } })],
    seen: ['mTLS by rule-ports.foo', 'mTLS by rule-ports.foo'],
  },
  {
    name: 'a port entry with tls',
    rules: [ports('ISTIO_MUTUAL', { tls: { mode: 'DISABLE' } })],
    seen: ['plaintext by rule-ports.foo', 'plaintext by rule-ports.foo'],
  },
  {
    name: 'a port entry for another port',
    rules: [ports('DISABLE', { tls: { mode: 'ISTIO_MUTUAL' } }, 9_000)],
    seen: ['plaintext by rule-ports.foo', 'plaintext by rule-ports.foo'],
  },
];

function older(policy: PolicyObject, creationTimestamp: string): PolicyObject {
  return { ...policy, metadata: { ...policy.metadata, creationTimestamp } };
}

function ports(mode: Mode, settings: object, port = 80): PolicyObject {
  return destinationRule(
    { namespace: 'foo', host: server, name: 'rule-ports' },
    { tls: { mode }, portLevelSettings: [{ port: { number: port }, ...settings }] },
  );
}
