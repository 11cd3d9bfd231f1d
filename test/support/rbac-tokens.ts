import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/** What a token says, beside when it ends. */
export interface Payload {
  readonly iss: string;
  readonly sub: string;
  readonly [claim: string]: unknown;
}

/** Tokens that policies ask about; texts, numbers, booleans, lists, and things inside of things. */
export const payloads: readonly Payload[] = [
  { iss: 'https://issuer.example', sub: 'alice', aud: 'api', groups: ['admin', 'dev'], team: 'red', azp: 'web' },
  { iss: 'https://issuer.example', sub: 'bob', aud: ['api', 'web'], groups: 'dev', scope: 'read write' },
  { iss: 'https://issuer.example/tenant', sub: 'alice', aud: ['web'], realm: { roles: ['admin'], name: 'x' } },
  { iss: 'https://other.example', sub: 'alice', groups: [], team: 'Red', realm: { roles: 'admin' } },
  { iss: 'https://other.example', sub: '*', 'a.b': 'dotted', groups: ['.*', 'adminX'], level: 5, ok: true },
  { iss: 'https://other.example', sub: 'bob', level: [0, -1.5, 'x', 5e21], ok: [false, 'true'], big: 9007199254740992 },
  { iss: 'https://issuer.example', sub: 'carol', level: '5', ok: 'true', big: '9007199254740993', groups: [{ a: 1 }] },
  { iss: 'https://issuer.example', sub: 'dave', level: 0, ok: false, big: 9007199254740991 },
];

/** Paths of claims in them. */
export const claimNames: readonly (readonly string[])[] = [
  ['groups'],
  ['team'],
  ['scope'],
  ['realm', 'roles'],
  ['realm', 'name'],
  ['a.b'],
  ['level'],
  ['ok'],
  ['big'],
];

/** Signs all of them with one new key. */
export async function signTokens(): Promise<{ readonly jwks: string; readonly tokenOf: (payload: Payload) => string }> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const key = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'ES256' };
  const signed = new Map(
    await Promise.all(
      payloads.map(async (payload) => {
        const token = new SignJWT({ ...payload }).setProtectedHeader({ alg: 'ES256', kid: 'test' });
        return [payload, await token.setExpirationTime('2h').sign(privateKey)] as const;
      }),
    ),
  );
  return { jwks: JSON.stringify({ keys: [key] }), tokenOf: (payload) => signed.get(payload) ?? '' };
}
