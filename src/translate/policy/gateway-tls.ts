import { authoritiesOf, authoritiesSecret, type CredentialProblem, keyPairOf } from '../../model/credential.ts';
import { mayReadSecret, type Secret } from '../../model/secret.ts';
import type { SecretSource } from '../../model/secret-source.ts';
import type { ClientRules, CredentialRef, ServerTls, TlsLimits } from '../../model/server-tls.ts';
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

/** Why a server can't do TLS; `field` is below its `tls`. */
export interface TlsProblem extends CredentialProblem {
  readonly field: string;
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
  const field =
    certificate.kind === 'credentials' && certificate.names.length > 1 ? 'credentialNames' : 'credentialName';
  const problems =
    certificate.kind === 'files'
      ? []
      : certificate.names.flatMap((name) => checkKeyPair(snapshot, namespace, name, field));
  if (tls.mode === 'SIMPLE')
    return { chain: { clients: 'none', certificates, authorities: undefined, rules: noRules, limits }, problems };
  const { authorities } = tls;
  const source: SecretSource =
    authorities.kind === 'file'
      ? { kind: 'authorities-file', path: authorities.path, revoked: authorities.revoked }
      : { kind: 'authorities', credential: authorities.name.name };
  const more = authorities.kind === 'file' ? [] : checkAuthorities(snapshot, namespace, authorities.name, field);
  return {
    chain: {
      clients: tls.mode === 'MUTUAL' ? 'required' : 'optional',
      certificates,
      authorities: source,
      rules: tls.clients,
      limits,
    },
    problems: [...problems, ...more],
  };
}

function checkKeyPair(snapshot: Snapshot, namespace: string, ref: CredentialRef, field: string): readonly TlsProblem[] {
  const forbidden = refuse(namespace, ref);
  if (forbidden !== undefined) return [{ ...forbidden, field }];
  const secret = find(snapshot, namespace, ref.name);
  if (secret === undefined) return [{ ...absent(namespace, ref.name), field }];
  const read = keyPairOf(secret);
  return read.ok ? [] : [{ ...ofSecret(read.error, secret), field }];
}

function checkAuthorities(
  snapshot: Snapshot,
  namespace: string,
  ref: CredentialRef,
  field: string,
): readonly TlsProblem[] {
  const forbidden = refuse(namespace, ref);
  if (forbidden !== undefined) return [{ ...forbidden, field }];
  const secret = authoritiesSecret((name) => find(snapshot, namespace, name), ref.name);
  if (secret === undefined) return [{ ...absent(namespace, ref.name), field }];
  const read = authoritiesOf(secret);
  return read.ok ? [] : [{ ...ofSecret(read.error, secret), field }];
}

const find = (snapshot: Snapshot, namespace: string, name: string): Secret | undefined =>
  snapshot.secrets.get(namespace)?.get(name);

function refuse(namespace: string, ref: CredentialRef): CredentialProblem | undefined {
  if (ref.namespace === undefined || mayReadSecret(namespace, ref.namespace)) return undefined;
  return {
    code: 'credential-forbidden',
    message: `Secret ${ref.namespace}/${ref.name} is not for gateways in namespace ${namespace}`,
    hint: `put the Secret into namespace ${namespace}`,
  };
}

const absent = (namespace: string, name: string): CredentialProblem => ({
  code: 'credential-missing',
  message: `there is no Secret ${namespace}/${name}`,
  hint: 'make it in the namespace of the gateway, of type kubernetes.io/tls or Opaque',
});

const ofSecret = ({ code, message, hint }: CredentialProblem, { meta }: Secret): CredentialProblem => ({
  code,
  message: `Secret ${meta.namespace}/${meta.name}: ${message}`,
  hint,
});
