/** A secret that a TLS server uses, by what its bytes come from. Credentials are Secrets of the proxy's own namespace. */
export type SecretSource =
  | { readonly kind: 'key-pair'; readonly credential: string }
  | { readonly kind: 'authorities'; readonly credential: string }
  /** Read by Envoy itself, which then alone needs to see the files. */
  | { readonly kind: 'key-pair-files'; readonly certificate: string; readonly privateKey: string }
  | { readonly kind: 'authorities-file'; readonly path: string; readonly revoked: string };

/** The Secret that may hold the authorities of a credential apart from its key (behaviour.md 5.5). */
export const authoritiesTwin = (credential: string): string => `${credential}-cacert`;

/**
 * The name of its SDS resource. Files are SDS resources too: one that is missing then costs its own server, where a path
 * inside a listener would make Envoy refuse the whole listener.
 */
export function secretResourceName(source: SecretSource): string {
  switch (source.kind) {
    case 'key-pair':
      return `kubernetes://${source.credential}`;
    case 'authorities':
      return `kubernetes://${authoritiesTwin(source.credential)}`;
    case 'key-pair-files':
      return `file-cert:${source.certificate}~${source.privateKey}`;
    case 'authorities-file':
      return `file-root:${source.path}${source.revoked === '' ? '' : `~${source.revoked}`}`;
  }
}

/** Is this a name that {@link secretResourceName} gives? */
export function isSecretSource(name: string): boolean {
  return /^(kubernetes:\/\/|file-cert:|file-root:)/.test(name);
}

/**
 * The name by which a credential is asked for that can't be used now, and that no Secret can have. Envoy keeps a secret that is taken back
 * for as long as anything names it, so what must not speak by it any more has to name another one.
 */
export const withheldCredential = (credential: string): string => `${credential}#withheld`;

/**
 * The inverse of {@link secretResourceName} for Secrets, of which `-cacert` are authorities, also of {@link withheldCredential}.
 * Undefined: a file, or a secret of the mesh.
 */
export function credentialNamed(name: string): Extract<SecretSource, { readonly credential: string }> | undefined {
  const pattern = /^kubernetes:\/\/(?<credential>.+?)(?:#withheld)?(?<twin>-cacert)?$/;
  const { credential, twin } = pattern.exec(name)?.groups ?? {};
  if (credential === undefined) return undefined;
  return { kind: twin === undefined ? 'key-pair' : 'authorities', credential };
}
