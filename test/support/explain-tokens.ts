import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { readTokens, type Token } from '../../src/explain/token.ts';
import { payloads } from './rbac-tokens.ts';

/** A real token, and what an answer knows of it. */
export interface TestToken {
  readonly text: string;
  readonly token: Token | undefined;
}

/** Good tokens, and tokens with all kinds of things wrong with them, signed with new keys. */
export interface TestTokens {
  readonly jwks: string;
  readonly all: readonly TestToken[];
}

export async function explainTokens(): Promise<TestTokens> {
  const [ours, theirs] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
  const key = { ...(await exportJWK(ours.publicKey)), kid: 'test', alg: 'ES256' };
  const jwks = JSON.stringify({ keys: [key] });
  const now = Math.floor(Date.now() / 1000);
  const sign = async (claims: object, as = ours, kid: string | undefined = 'test'): Promise<string> =>
    await new SignJWT({ exp: now + 7200, ...claims })
      .setProtectedHeader({ alg: 'ES256', ...(kid !== undefined && { kid }) })
      .sign(as.privateKey);
  const [first, second] = payloads;
  const texts = await Promise.all([
    ...payloads.map((payload) => sign(payload)),
    ...payloads.map((payload) => sign({ ...payload, aud: 'https://api/' })),
    sign({ ...first, aud: ['other', 'http://api'] }),
    sign({ ...first, aud: 'nobody' }),
    sign({ ...first, exp: now - 3600 }),
    sign({ ...first, nbf: now + 3600 }),
    sign({ ...first, nbf: now + 20 }),
    sign({ ...first, iss: 'https://unknown.example' }),
    sign({ sub: 'nobody' }),
    sign({ ...second }, theirs),
    sign({ ...second }, ours, 'another'),
    sign({ ...second, scope: 'read  write ', level: 7, ratio: 0.5, ok: true, groups: { a: 1 } }, ours, undefined),
  ]);
  const garbage = ['a.b.c', 'notatoken', `${texts[0]?.slice(0, -4)}AAAA`];
  const all = await Promise.all(
    [...texts, ...garbage].map(async (text): Promise<TestToken> => {
      const { tokens } = await readTokens([text], [jwks]);
      return { text, token: tokens[0] };
    }),
  );
  return { jwks, all };
}
