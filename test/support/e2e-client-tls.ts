import type { Credentials } from './e2e-certificates.ts';
import { destinationRule, hostOf } from './e2e-destination-rules.ts';
import { namespaceMode, type PolicyObject, workloadMode } from './e2e-policies.ts';
import { type ports, world } from './e2e-world.ts';

/** What the server takes: by the policy of its namespace (which clients go by, too), by one of its own, or without a sidecar. */
export const serverModes = ['STRICT', 'PERMISSIVE', 'DISABLE', 'DISABLE for the workload', 'no sidecar'] as const;
export type ServerMode = (typeof serverModes)[number];

/** What the rule for the server says. `subsets only`: there is a rule, and it has no `tls`. */
export const ruleModes = ['no rule', 'subsets only', 'DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'] as const;
export type RuleMode = (typeof ruleModes)[number];

/**
 * What comes of a call. `mtls`, `plain`: an answer, and over what. `tls`: an answer of an app that speaks TLS itself, which the
 * client's sidecar spoke to. `503`: no answer over HTTP. `cut`: the connection ends.
 */
export type Outcome = 'mtls' | 'plain' | 'tls' | '503' | 'cut';

/** For HTTP, sniffed HTTP, TCP, sniffed TCP, and a TCP port whose app speaks TLS itself. */
export const columns = [
  'http',
  'sniffed http',
  'tcp',
  'sniffed tcp',
  'own tls',
] as const satisfies readonly (keyof typeof ports)[];
export type Outcomes = readonly [Outcome, Outcome, Outcome, Outcome, Outcome];

const mtls: Outcomes = ['mtls', 'mtls', 'mtls', 'mtls', 'cut'];
const plain: Outcomes = ['plain', 'plain', 'plain', 'plain', 'cut'];
/** The server's sidecar, or the app, can't make anything of it. */
const nothing: Outcomes = ['503', '503', 'cut', 'cut', 'cut'];
/** TLS goes to the app: only one that speaks it itself answers. */
const toApp: Outcomes = ['503', '503', 'cut', 'cut', 'tls'];

type Table = Readonly<Record<RuleMode, Readonly<Record<ServerMode, Outcomes>>>>;

const row = (
  strict: Outcomes,
  permissive: Outcomes,
  disable: Outcomes,
  disableOwn: Outcomes,
  none: Outcomes,
): Readonly<Record<ServerMode, Outcomes>> => ({
  STRICT: strict,
  PERMISSIVE: permissive,
  DISABLE: disable,
  'DISABLE for the workload': disableOwn,
  'no sidecar': none,
});

const asked = {
  DISABLE: row(nothing, plain, plain, plain, plain),
  SIMPLE: row(nothing, toApp, toApp, toApp, toApp),
  MUTUAL: row(nothing, toApp, toApp, toApp, toApp),
  ISTIO_MUTUAL: row(mtls, mtls, nothing, nothing, nothing),
};
const automatic = row(mtls, mtls, plain, plain, plain);
const never = row(nothing, plain, plain, plain, plain);

/** Under enableAutoMtls, and without (behaviour.md 4.4 and A.2; a rule without `tls` leaves what holds without a rule). */
export const clientTlsTables: Readonly<Record<'true' | 'false', Table>> = {
  true: { 'no rule': automatic, 'subsets only': automatic, ...asked },
  false: { 'no rule': never, 'subsets only': never, ...asked },
};

/** The policies of one place in the table; `files` are paths, as the client's Envoy sees them. */
export function clientTlsPolicies(mode: ServerMode, rule: RuleMode, files: Credentials): readonly PolicyObject[] {
  const server: readonly PolicyObject[] =
    mode === 'no sidecar'
      ? []
      : mode === 'DISABLE for the workload'
        ? [workloadMode('server', 'DISABLE')]
        : [namespaceMode('foo', mode)];
  return [...server, ...[world.server, world.bare].flatMap((service) => rulesFor(service, rule, files))];
}

function rulesFor(service: string, rule: RuleMode, files: Credentials): readonly PolicyObject[] {
  const scope = { namespace: 'istio-system', host: hostOf(service) };
  const only = (tls: object) => [destinationRule(scope, { tls })];
  // Whoever the server is: what is shown is what the server makes of such a client.
  const anybody = { insecureSkipVerify: true };
  switch (rule) {
    case 'no rule':
      return [];
    case 'subsets only':
      return [destinationRule({ ...scope, subsets: [{ name: 'all', labels: { app: 'server' } }] })];
    case 'MUTUAL':
      return only({ mode: rule, clientCertificate: files.certificate, privateKey: files.key, ...anybody });
    case 'SIMPLE':
      return only({ mode: rule, ...anybody });
    default:
      return only({ mode: rule });
  }
}
