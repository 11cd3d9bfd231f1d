import type { FindSecret } from '../../model/credential.ts';
import type { SecretSource } from '../../model/secret-source.ts';
import { credentialProblems, type TlsProblem } from '../../model/server-credentials.ts';
import type { ClientRules, ServerTls, TlsLimits } from '../../model/server-tls.ts';
import type { Snapshot } from '../../snapshot/snapshot.ts';

/** How TLS ends at a gateway: what a builder needs, with each secret by its source. */
export interface TerminatedChain {
  /** Whether clients are asked for a certificate, and may do without one. */
  readonly clients: 'none' | 'optional' | 'required';
  readonly certificates: readonly SecretSource[] | 'mesh';
  readonly authorities: SecretSource | 'mesh' | undefined;
  readonly rules: ClientRules;
  readonly limits: TlsLimits;
}

const noRules: ClientRules = { subjectAltNames: [], publicKeys: [], certificates: [] };

type Terminated = Extract<ServerTls, { readonly limits: TlsLimits }>;

/** What came of a server's TLS, and which Secrets were read, by name and fingerprint. */
interface Known extends Ended {
  readonly read: ReadonlyMap<string, string | undefined>;
}

interface Ended {
  readonly chain: TerminatedChain;
  readonly problems: readonly TlsProblem[];
}

/** By namespace of the routers. */
const knownOf = new WeakMap<Terminated, Map<string, Known>>();

/**
 * The TLS that a server of a router in `namespace` ends, and what hinders it: any problem closes the server. The same objects as long as the
 * Secrets that it reads are the same: with a thousand servers one is renewed at a time.
 */
export function terminatedChain({ secrets }: Snapshot, namespace: string, tls: Terminated): Ended {
  const named = secrets.get(namespace);
  const known = knownOf.get(tls) ?? new Map<string, Known>();
  knownOf.set(tls, known);
  const before = known.get(namespace);
  if (before !== undefined && [...before.read].every(([name, print]) => named?.get(name)?.fingerprint === print))
    return before;
  const read = new Map<string, string | undefined>();
  const ended = ends(namespace, tls, (name) => {
    const secret = named?.get(name);
    read.set(name, secret?.fingerprint);
    return secret;
  });
  known.set(namespace, { ...ended, read });
  return ended;
}

function ends(namespace: string, tls: Terminated, find: FindSecret): Ended {
  const { limits } = tls;
  if (tls.mode === 'ISTIO_MUTUAL') {
    const chain = {
      clients: 'required',
      certificates: 'mesh',
      authorities: 'mesh',
      rules: tls.clients,
      limits,
    } as const;
    return { chain, problems: [] };
  }
  const { certificate } = tls;
  const certificates: readonly SecretSource[] =
    certificate.kind === 'files'
      ? certificate.files.map((files) => ({ kind: 'key-pair-files', ...files }))
      : certificate.names.map(({ name }) => ({ kind: 'key-pair', credential: name }));
  const problems = credentialProblems(tls, { namespace, find });
  if (tls.mode === 'SIMPLE')
    return { chain: { clients: 'none', certificates, authorities: undefined, rules: noRules, limits }, problems };
  const { authorities } = tls;
  const source: SecretSource =
    authorities.kind === 'file'
      ? { kind: 'authorities-file', path: authorities.path, revoked: authorities.revoked }
      : { kind: 'authorities', credential: authorities.name.name };
  return {
    chain: {
      clients: tls.mode === 'MUTUAL' ? 'required' : 'optional',
      certificates,
      authorities: source,
      rules: tls.clients,
      limits,
    },
    problems,
  };
}
