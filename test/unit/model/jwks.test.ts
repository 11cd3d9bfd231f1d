import { expect } from 'chai';
import { exportJWK, generateKeyPair } from 'jose';
import { maxKeySetBytes, parseKeySet } from '../../../src/model/jwks.ts';
import { type KeyCases, keyCases } from '../../support/key-cases.ts';

const set = (...keys: readonly unknown[]): string => JSON.stringify({ keys });

function refused(text: string): string {
  const read = parseKeySet(text);
  return read.ok ? 'taken' : read.error;
}

describe('a key set', () => {
  let cases: KeyCases;
  before(async () => {
    cases = await keyCases();
  });

  it('takes every kind of key that tokens are signed with', () => {
    for (const [name, key] of Object.entries(cases.good)) {
      const read = parseKeySet(set(key));
      expect(read.ok && read.value.leftOut, name).to.deep.equal([]);
    }
  });

  it('leaves out each key that Envoy refuses or nobody should use, says why, and keeps the others', () => {
    const good = cases.good['P-384'];
    const alone = parseKeySet(set(good));
    for (const [name, [key, words]] of Object.entries(cases.bad)) {
      expect(refused(set(key)), name).to.equal(`has no usable key; keys[0] ${words}`);
      const beside = parseKeySet(set(good, key));
      expect(beside, name).to.deep.equal(
        alone.ok ? { ok: true, value: { ...alone.value, leftOut: [`keys[1] ${words}`] } } : {},
      );
    }
  });

  it('is the same text in whatever order keys and members stand, with every key once', () => {
    const { RSA, 'P-256': p256, Ed25519 } = cases.good;
    const [a, b] = [
      { ...RSA, kid: 'a' },
      { ...p256, kid: 'b' },
    ];
    const turned = Object.fromEntries(Object.entries(a).reverse());
    const first = parseKeySet(set(a, b, Ed25519));
    expect(first.ok).to.equal(true);
    expect(parseKeySet(JSON.stringify({ more: 1, keys: [Ed25519, b, turned, { ...b, x5t: 'y' }] }))).to.deep.equal(
      first,
    );
    const ids = first.ok ? JSON.parse(first.value.jwks).keys.map((key: { kid?: string }) => key.kid) : [];
    expect(ids).to.deep.equal([undefined, 'a', 'b']);
  });

  it('holds public members alone, in one order', () => {
    const { 'P-256 for ES256': key } = cases.good;
    const read = parseKeySet(set({ use: 'sig', x5c: ['MII'], key_ops: ['verify'], ...key, kid: '1', more: {} }));
    const { x, y } = key ?? {};
    expect(read).to.deep.equal({
      ok: true,
      value: {
        jwks: `{"keys":[${JSON.stringify({ kty: 'EC', kid: '1', alg: 'ES256', crv: 'P-256', x, y })}]}`,
        leftOut: [],
      },
    });
  });

  it('never holds a private member, and says that there was one', async () => {
    for (const algorithm of ['RS256', 'ES256', 'EdDSA']) {
      const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
      const read = parseKeySet(set(await exportJWK(privateKey)));
      const pure = parseKeySet(set(await exportJWK(publicKey)));
      expect(read, algorithm).to.deep.equal({
        ok: true,
        value: { jwks: pure.ok ? pure.value.jwks : '', leftOut: ['the private half of keys[0]'] },
      });
    }
  });

  it("is refused if it is none, if it is empty, and if it is larger than anybody's", () => {
    expect(refused('{')).to.equal('is no JSON');
    for (const text of ['[]', '1', '{}', '{"keys":{}}', 'null'])
      expect(refused(text), text).to.equal('has no list "keys"');
    expect(refused(set())).to.equal('has no usable key');
    const { 'P-256': key } = cases.good;
    expect(refused(set(...new Array(257).fill(key)))).to.equal('has 257 keys; at most 256 are taken');
    expect(refused(set(...new Array(256).fill(key)))).to.equal('taken');
    const full = (bytes: number): string => set(key).padEnd(bytes, ' ');
    expect(refused(full(maxKeySetBytes))).to.equal('taken');
    expect(refused(full(maxKeySetBytes + 1))).to.equal('is larger than 256 KiB');
  });
});
