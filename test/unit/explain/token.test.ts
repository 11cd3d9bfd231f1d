import type { webcrypto } from 'node:crypto';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { keySetName } from '../../../src/explain/key-set-name.ts';
import { readTokens } from '../../../src/explain/token.ts';

describe('tokens in a question', () => {
  it('are replaced by handles, and known by what they say and who signed them', async () => {
    const [first, second] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('RS256')]);
    const jwksOf = async (key: webcrypto.CryptoKey, more: object): Promise<string> =>
      JSON.stringify({ keys: [{ ...(await exportJWK(key)), ...more }] });
    const [one, other] = await Promise.all([
      jwksOf(first.publicKey, { kid: 'a', alg: 'ES256' }),
      jwksOf(second.publicKey, { kid: 'b' }),
    ]);
    const text = await new SignJWT({ sub: 'alice' })
      .setProtectedHeader({ alg: 'RS256', kid: 'b' })
      .sign(second.privateKey);
    const { texts, tokens } = await readTokens(
      [`Bearer ${text}`, `/x?jwt=${text}`, 'a.b.c', 'example.com'],
      [one, other],
    );
    expect(texts).to.deep.equal(['Bearer token-1', '/x?jwt=token-1', 'a.b.c', 'example.com']);
    expect(tokens).to.deep.equal([
      { handle: 'token-1', claims: { sub: 'alice' }, payload: text.split('.')[1], signedBy: [keySetName(other)] },
    ]);
    expect(JSON.stringify({ texts, tokens })).to.not.include(text.split('.')[2]);
  });

  it('are signed by nobody where the signature, the key id or the algorithm is another', async () => {
    const [ours, theirs] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
    const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(ours.publicKey)), kid: 'a', alg: 'ES256' }] });
    const sign = async (key: webcrypto.CryptoKey, kid: string): Promise<string> =>
      await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid }).sign(key);
    const signers = async (text: string) => (await readTokens([text], [jwks])).tokens[0]?.signedBy;
    expect(await signers(await sign(ours.privateKey, 'a'))).to.deep.equal([keySetName(jwks)]);
    expect(await signers(await sign(ours.privateKey, 'b'))).to.deep.equal([]);
    expect(await signers(await sign(theirs.privateKey, 'a'))).to.deep.equal([]);
  });
});
