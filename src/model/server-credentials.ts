import { authoritiesOf, authoritiesSecret, type CredentialProblem, type FindSecret, keyPairOf } from './credential.ts';
import { mayReadSecret, type Secret } from './secret.ts';
import type { CredentialRef, TerminatedTls } from './server-tls.ts';

/** Why a server can't do TLS; `field` is below its `tls`. */
export interface TlsProblem extends CredentialProblem {
  readonly field: string;
}

/** What hinders a server on gateways of a namespace whose Secrets `find` knows (behaviour.md 5.5). */
export function credentialProblems(tls: TerminatedTls, namespace: string, find: FindSecret): readonly TlsProblem[] {
  const { certificate } = tls;
  const names = certificate.kind === 'files' ? [] : certificate.names;
  const field = names.length > 1 ? 'credentialNames' : 'credentialName';
  const problems = names.flatMap((name) => checkKeyPair(find, namespace, name, field));
  if (tls.mode === 'SIMPLE' || tls.authorities.kind === 'file') return problems;
  const said = new Set(problems.map(({ message }) => message));
  const more = checkAuthorities(find, namespace, tls.authorities.name, field);
  return [...problems, ...more.filter(({ message }) => !said.has(message))];
}

function checkKeyPair(find: FindSecret, namespace: string, ref: CredentialRef, field: string): readonly TlsProblem[] {
  const forbidden = refuse(namespace, ref);
  if (forbidden !== undefined) return [{ ...forbidden, field }];
  const secret = find(ref.name);
  if (secret === undefined) return [{ ...absent(namespace, ref.name), field }];
  const read = keyPairOf(secret);
  return read.ok ? [] : [{ ...ofSecret(read.error, secret), field }];
}

function checkAuthorities(
  find: FindSecret,
  namespace: string,
  ref: CredentialRef,
  field: string,
): readonly TlsProblem[] {
  const forbidden = refuse(namespace, ref);
  if (forbidden !== undefined) return [{ ...forbidden, field }];
  const secret = authoritiesSecret(find, ref.name);
  if (secret === undefined) return [{ ...absent(namespace, ref.name), field }];
  const read = authoritiesOf(secret);
  return read.ok ? [] : [{ ...ofSecret(read.error, secret), field }];
}

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
