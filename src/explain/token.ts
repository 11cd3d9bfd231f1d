import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK } from 'jose';
import { isRecord } from '../lib/is-record.ts';
import { keySetName } from './key-set-name.ts';

/** A token as far as an answer needs it: the text itself never goes further than {@link readTokens}. */
export interface Token {
  /** Stands for its text in headers, query and cookies. */
  readonly handle: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Base64url of the claims, as providers may forward them. */
  readonly payload: string;
  /** `keySetName` of the key sets of which a key signed it; `assumed` for claims that a question just states. */
  readonly signedBy: readonly string[] | 'assumed';
}

const tokenPattern = /[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/g;

/** A request's words with handles in place of its tokens. */
export interface WithoutTokens {
  readonly texts: readonly string[];
  readonly tokens: readonly Token[];
}

/**
 * Takes the tokens out of a request's texts (header values, path) and verifies each with the keys that are in force. What
 * looks like a token and can't be read stays where it is, and is refused later as Envoy would.
 */
export async function readTokens(texts: readonly string[], keySets: readonly string[]): Promise<WithoutTokens> {
  const tokens = new Map<string, Token>();
  for (const [text] of texts.flatMap((each) => [...each.matchAll(tokenPattern)])) {
    if (tokens.has(text)) continue;
    const token = await readToken(text, `token-${tokens.size + 1}`, keySets);
    if (token !== undefined) tokens.set(text, token);
  }
  const replaced = texts.map((each) => each.replace(tokenPattern, (text) => tokens.get(text)?.handle ?? text));
  return { texts: replaced, tokens: [...tokens.values()] };
}

async function readToken(text: string, handle: string, keySets: readonly string[]): Promise<Token | undefined> {
  let claims: Readonly<Record<string, unknown>>;
  try {
    claims = decodeJwt(text);
  } catch {
    return undefined;
  }
  const signedBy: string[] = [];
  for (const jwks of keySets) if (await isSignedBy(text, jwks)) signedBy.push(keySetName(jwks));
  return { handle, claims, payload: text.split('.')[1] ?? '', signedBy };
}

/** Whether a key of the set signed it. A key with another id isn't tried, and one that says an algorithm is for that alone. */
async function isSignedBy(text: string, jwks: string): Promise<boolean> {
  const { kid, alg = '' } = decodeProtectedHeader(text);
  const document: unknown = JSON.parse(jwks);
  const keys: readonly unknown[] = isRecord(document) && Array.isArray(document['keys']) ? document['keys'] : [];
  for (const key of keys) {
    if (!isRecord(key)) continue;
    if (kid !== undefined && key['kid'] !== undefined && key['kid'] !== kid) continue;
    if (key['alg'] !== undefined && key['alg'] !== alg) continue;
    try {
      await compactVerify(text, await importJWK({ ...key }, alg));
      return true;
    } catch {
      // Not this key: another one may fit.
    }
  }
  return false;
}
