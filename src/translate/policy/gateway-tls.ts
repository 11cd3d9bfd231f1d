import type { SecretSource } from '../../model/secret-source.ts';
import { credentialProblems, type TlsProblem } from '../../model/server-credentials.ts';
import type { ClientRules, ServerTls, TlsLimits } from '../../model/server-tls.ts';
import { secretsIn } from '../../snapshot/indexes.ts';
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

/** The TLS that a server of a router in `namespace` ends, and what hinders it: any problem closes the server. */
export function terminatedChain(
  snapshot: Snapshot,
  namespace: string,
  tls: Extract<ServerTls, { readonly limits: TlsLimits }>,
): { readonly chain: TerminatedChain; readonly problems: readonly TlsProblem[] } {
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
  const problems = credentialProblems(tls, secretsIn(snapshot, namespace));
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
