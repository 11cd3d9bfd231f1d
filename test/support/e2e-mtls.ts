import { type Mode, meshMode, namespaceMode, type PolicyObject, workloadMode } from './e2e-policies.ts';

/**
 * What one client sees. `mtls`: an answer, and the server knows the client by its certificate. `plain`: an answer over
 * plaintext. `reset`: nothing; a client without a sidecar gets a TCP reset, curl's exit 56. `refused`: nothing, with the
 * client's sidecar between: 503 over HTTP that it reads, an ended connection over all else.
 */
export type Seen = 'mtls' | 'plain' | 'reset' | 'refused';

/** For sleep.foo (same namespace), sleep.bar (another one), sleep.legacy (no sidecar). */
export type Row = readonly [Seen, Seen, Seen];

/** A set of policies, and all that must be seen under it of server.foo. */
export interface MtlsScenario {
  readonly name: string;
  readonly policies: readonly PolicyObject[];
  readonly http: Row;
  readonly tcp: Row;
  /** Ports whose protocol isn't declared: HTTP and TCP alike. */
  readonly sniffed: Row;
  /** Ports that no service names, by the pod's address: clients can't know that mTLS is spoken there. */
  readonly unnamed: Row;
  /** Another workload of the namespace, over HTTP. */
  readonly other: Row;
}

const both: Row = ['mtls', 'mtls', 'plain'];
const strict: Row = ['mtls', 'mtls', 'reset'];
const plain: Row = ['plain', 'plain', 'plain'];
/** Clients speak plaintext there, but the server demands TLS. */
const unreachable: Row = ['refused', 'refused', 'reset'];

const permissive = { http: both, tcp: both, sniffed: both, unnamed: plain, other: both };
const allStrict = { http: strict, tcp: strict, sniffed: strict, unnamed: unreachable, other: strict };
const disabled = { http: plain, tcp: plain, sniffed: plain, unnamed: plain, other: plain };

const scenario = (
  name: string,
  policies: readonly PolicyObject[],
  seen: Omit<MtlsScenario, 'name' | 'policies'>,
): MtlsScenario => ({ name, policies, ...seen });

const ports = (http: Mode, tcp: Mode) => ({ 8080: http, 9000: tcp }) as const;

/** Every level, mode and way to inherit (behaviour.md 1.1, A.1 to A.3). Each row is what holds under those policies alone. */
export const mtlsScenarios: readonly MtlsScenario[] = [
  scenario('no policy', [], permissive),

  scenario('mesh STRICT', [meshMode('STRICT')], allStrict),
  scenario('mesh PERMISSIVE', [meshMode('PERMISSIVE')], permissive),
  scenario('mesh DISABLE', [meshMode('DISABLE')], disabled),
  scenario('mesh UNSET', [meshMode('UNSET')], permissive),
  scenario(
    'an older mesh DISABLE beside a mesh STRICT',
    [
      meshMode('STRICT', { created: '2026-01-02T00:00:00Z' }),
      meshMode('DISABLE', { name: 'older', created: '2026-01-01T00:00:00Z' }),
    ],
    disabled,
  ),
  scenario('STRICT with a selector in the root namespace', [meshMode('STRICT', { app: 'server' })], permissive),

  scenario('namespace STRICT over no mesh policy', [namespaceMode('foo', 'STRICT')], allStrict),
  scenario('namespace STRICT over mesh DISABLE', [meshMode('DISABLE'), namespaceMode('foo', 'STRICT')], allStrict),
  scenario(
    'namespace PERMISSIVE over mesh STRICT',
    [meshMode('STRICT'), namespaceMode('foo', 'PERMISSIVE')],
    permissive,
  ),
  scenario('namespace DISABLE over mesh STRICT', [meshMode('STRICT'), namespaceMode('foo', 'DISABLE')], disabled),
  scenario('namespace UNSET over mesh STRICT', [meshMode('STRICT'), namespaceMode('foo', 'UNSET')], allStrict),
  scenario('STRICT in another namespace', [namespaceMode('bar', 'STRICT')], permissive),

  scenario('workload STRICT over nothing', [workloadMode('server', 'STRICT')], { ...allStrict, other: both }),
  scenario('workload PERMISSIVE over mesh STRICT', [meshMode('STRICT'), workloadMode('server', 'PERMISSIVE')], {
    ...permissive,
    other: strict,
  }),
  scenario('workload DISABLE over mesh STRICT', [meshMode('STRICT'), workloadMode('server', 'DISABLE')], {
    ...disabled,
    other: strict,
  }),
  scenario('workload UNSET over mesh STRICT', [meshMode('STRICT'), workloadMode('server', 'UNSET')], allStrict),
  scenario(
    'workload UNSET over namespace PERMISSIVE over mesh STRICT',
    [meshMode('STRICT'), namespaceMode('foo', 'PERMISSIVE'), workloadMode('server', 'UNSET')],
    permissive,
  ),
  scenario(
    'workload STRICT over namespace PERMISSIVE over mesh STRICT',
    [meshMode('STRICT'), namespaceMode('foo', 'PERMISSIVE'), workloadMode('server', 'STRICT')],
    { ...allStrict, other: both },
  ),
  // Clients read mesh and namespace only, and send plaintext where these say DISABLE (behaviour.md 4.4).
  scenario(
    'workload STRICT over namespace DISABLE',
    [namespaceMode('foo', 'DISABLE'), workloadMode('server', 'STRICT')],
    { http: unreachable, tcp: unreachable, sniffed: unreachable, unnamed: unreachable, other: plain },
  ),
  scenario(
    'two workload policies, the older PERMISSIVE, under mesh STRICT',
    [
      meshMode('STRICT'),
      workloadMode('server', 'STRICT', undefined, { name: 'newer', created: '2026-01-02T00:00:00Z' }),
      workloadMode('server', 'PERMISSIVE', undefined, { name: 'older', created: '2026-01-01T00:00:00Z' }),
    ],
    { ...permissive, other: strict },
  ),

  scenario(
    'port-level STRICT on HTTP over workload PERMISSIVE',
    [workloadMode('server', 'PERMISSIVE', { 8080: 'STRICT' })],
    { ...permissive, http: strict },
  ),
  scenario('port-level STRICT on TCP over nothing', [workloadMode('server', 'UNSET', { 9000: 'STRICT' })], {
    ...permissive,
    tcp: strict,
  }),
  scenario(
    'port-level DISABLE on HTTP over mesh STRICT',
    [meshMode('STRICT'), workloadMode('server', 'UNSET', { 8080: 'DISABLE' })],
    { ...allStrict, http: plain },
  ),
  scenario(
    'port-level DISABLE on TCP over mesh STRICT',
    [meshMode('STRICT'), workloadMode('server', 'UNSET', { 9000: 'DISABLE' })],
    { ...allStrict, tcp: plain },
  ),
  scenario(
    'port-level PERMISSIVE on HTTP and TCP over workload STRICT',
    [workloadMode('server', 'STRICT', ports('PERMISSIVE', 'PERMISSIVE'))],
    { ...allStrict, http: both, tcp: both, other: both },
  ),
  scenario(
    'port-level UNSET on HTTP and STRICT on TCP over workload DISABLE',
    [workloadMode('server', 'DISABLE', ports('UNSET', 'STRICT'))],
    { ...disabled, tcp: strict, other: both },
  ),
  scenario(
    'port-level STRICT on the number of the service port',
    [workloadMode('server', 'PERMISSIVE', { 80: 'STRICT' })],
    permissive,
  ),
  scenario(
    'port-level STRICT on ports that no service names',
    [workloadMode('server', 'PERMISSIVE', { 6060: 'STRICT', 6061: 'STRICT' })],
    { ...permissive, unnamed: unreachable },
  ),
];
