import { MeshError } from '../lib/errors.ts';
import { isRecord } from '../lib/is-record.ts';
import type { Redacted } from '../lib/redacted.ts';

/** Claims of a token that nobody has verified: they may refuse it and bound its life, and prove nothing. */
export interface TokenClaims {
  /** ms since the epoch. */
  readonly expiresAt: number;
}

const maxLength = 8192;
const form = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+$/;
const subject = /^system:serviceaccount:[^:]+:[^:]+$/;

/**
 * Reads the claims of a Kubernetes service account token (RFC 7519 section 4.1), and refuses what the API server could
 * not accept for us anyway, so that nonsense costs it nothing. Throws `unauthenticated`; no message quotes the token.
 */
export function readClaims(token: Redacted<string>, audiences: readonly string[], now: number): TokenClaims {
  const text = token.reveal();
  const match = text.length > maxLength ? null : form.exec(text);
  const header = parsePart(match?.[1]);
  const claims = parsePart(match?.[2]);
  if (header === undefined || claims === undefined) throw refused('it is no JWT');
  const { iss, sub, aud, exp } = claims;
  if (typeof header['alg'] !== 'string' || header['alg'] === 'none') throw refused('it is not signed');
  if (typeof iss !== 'string' || iss === '') throw refused('it has no issuer');
  if (typeof sub !== 'string' || !subject.test(sub)) throw refused('it is of no service account');
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!named.some((each) => typeof each === 'string' && audiences.includes(each))) {
    throw refused(
      `it is not for audience ${audiences.join(' or ')}`,
      `use a projected token with audience ${audiences[0]}`,
    );
  }
  if (typeof exp !== 'number' || !Number.isFinite(exp)) {
    throw refused('it never expires', 'use a projected token: those of Secrets are not accepted');
  }
  if (exp * 1000 <= now) throw refused('it expired');
  return { expiresAt: exp * 1000 };
}

function parsePart(part: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (part === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    // Parsers quote their input, so their error stays here.
    return undefined;
  }
}

/** The one form of a refusal; the reason may go to the caller. */
export function refused(reason: string, hint?: string): MeshError {
  return new MeshError(
    'unauthenticated',
    `service account token refused: ${reason}`,
    hint === undefined ? {} : { hint },
  );
}
