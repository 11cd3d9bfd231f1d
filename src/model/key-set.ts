import type { KeySource } from './request-authentication.ts';

/** The keys of one issuer as they were fetched last. */
export interface KeySet {
  /** {@link keySetId} of its source. */
  readonly id: string;
  /** JWKS document in canonical JSON: public members only, keys in a fixed order, so that equal keys are equal text. */
  readonly jwks: string;
}

/**
 * Names the keys behind a source; undefined for keys that nobody has to fetch. An address that is used as it stands, and an
 * issuer whose configuration is asked for it, are never the same one: only the second has to name its issuer.
 */
export function keySetId(source: KeySource): string | undefined {
  switch (source.kind) {
    case 'remote':
      return source.uri;
    case 'discovered':
      return `openid ${source.issuer}`;
    case 'inline':
    case 'none':
      return undefined;
  }
}
