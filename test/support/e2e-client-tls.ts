import type { Credentials } from './e2e-certificates.ts';
import { destinationRule, hostOf } from './e2e-destination-rules.ts';
import { namespaceMode, type PolicyObject, workloadMode } from './e2e-policies.ts';
import { type ports, world } from './e2e-world.ts';

/** What the server's sidecar takes: by the policy of its namespace (which clients go by, too), or by one of its own. */
export const sidecarModes = ['UNSET', 'STRICT', 'PERMISSIVE', 'DISABLE', 'DISABLE for the workload'] as const;
export type SidecarMode = (typeof sidecarModes)[number];
export type ServerMode = SidecarMode | 'no sidecar';

/** What the rule for a server says, in pairs that are tried at once. `subsets only`: there is a rule, and it has no `tls`. */
export const rulePairs = [
  ['no rule', 'subsets only'],
  ['DISABLE', 'SIMPLE'],
  ['MUTUAL', 'ISTIO_MUTUAL'],
] as const;
export type RuleMode = (typeof rulePairs)[number][number];

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
  // Nobody says anything wider: the same as PERMISSIVE.
  UNSET: permissive,
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

/**
 * The policies of one round: the mode of the servers with a sidecar, and the rules for server.foo, other.foo and the server
 * without one; `files` are paths, as the client's Envoy sees them.
 */
export function clientTlsPolicies(
  mode: SidecarMode,
  rules: readonly RuleMode[],
  files: Credentials,
): readonly PolicyObject[] {
  const servers =
    mode === 'DISABLE for the workload'
      ? ['server', 'other'].map((app) => workloadMode(app, 'DISABLE'))
      : [namespaceMode('foo', mode)];
  const services = [world.server, world.other, world.bare];
  return [...servers, ...services.flatMap((service, index) => rulesFor(service, rules[index] ?? 'no rule', files))];
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
      return [destinationRule({ ...scope, subsets: [{ name: 'all', labels: { app: service.replace(/\..*/, '') } }] })];
    case 'MUTUAL':
      return only({ mode: rule, clientCertificate: files.certificate, privateKey: files.key, ...anybody });
    case 'SIMPLE':
      return only({ mode: rule, ...anybody });
    default:
      return only({ mode: rule });
  }
}
