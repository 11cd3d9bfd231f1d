/** What went wrong with a fetch, as far as a metric tells it apart. */
export type FailureKind =
  | 'address' // it leads where the control plane must not go
  | 'name' // its name leads nowhere
  | 'connection' // nobody answers, or TLS is refused
  | 'timeout'
  | 'status' // the answer is no success
  | 'redirect' // it is sent on too often, or to where it must not go
  | 'size'
  | 'content'; // what came is no key set, or no configuration of this issuer

/** Why there are no newer keys, in words for whoever wrote the policy: what the server sent is never part of them. */
export interface Failure {
  readonly kind: FailureKind;
  readonly reason: string;
}

/** A {@link Failure} as an error value. */
export function failure(kind: FailureKind, reason: string): { readonly ok: false; readonly error: Failure } {
  return { ok: false, error: { kind, reason } };
}
