import { type CredentialProblem, type NamespaceSecrets, sourceProblem } from './credential.ts';
import { mayReadSecret } from './secret.ts';
import type { CredentialRef, TerminatedTls } from './server-tls.ts';

/** Why a server can't do TLS; `field` is below its `tls`. */
export interface TlsProblem extends CredentialProblem {
  readonly field: string;
}

/** What hinders a server on gateways of a namespace with these Secrets (behaviour.md 5.5). */
export function credentialProblems(tls: TerminatedTls, secrets: NamespaceSecrets): readonly TlsProblem[] {
  const { certificate } = tls;
  const names = certificate.kind === 'files' ? [] : certificate.names;
  const field = names.length > 1 ? 'credentialNames' : 'credentialName';
  const problems = names.flatMap((name) => checkSource('key-pair', secrets, name, field));
  if (tls.mode === 'SIMPLE' || tls.authorities.kind === 'file') return problems;
  const said = new Set(problems.map(({ message }) => message));
  const more = checkSource('authorities', secrets, tls.authorities.name, field);
  return [...problems, ...more.filter(({ message }) => !said.has(message))];
}

function checkSource(
  kind: 'key-pair' | 'authorities',
  secrets: NamespaceSecrets,
  ref: CredentialRef,
  field: string,
): readonly TlsProblem[] {
  const found = refuse(secrets.namespace, ref) ?? sourceProblem({ kind, credential: ref.name }, secrets);
  return found === undefined ? [] : [{ ...found, field }];
}

function refuse(namespace: string, ref: CredentialRef): CredentialProblem | undefined {
  if (ref.namespace === undefined || mayReadSecret(namespace, ref.namespace)) return undefined;
  return {
    code: 'credential-forbidden',
    message: `Secret ${ref.namespace}/${ref.name} is not for gateways in namespace ${namespace}`,
    hint: `put the Secret into namespace ${namespace}`,
  };
}
