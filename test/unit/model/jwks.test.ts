import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import { maxKeySetBytes, parseKeySet } from '../../../src/model/jwks.ts';

const rsa = (publicExponent = 65_537) =>
  generateKeyPairSync('rsa', { modulusLength: 1024, publicExponent }).publicKey.export({ format: 'jwk' });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const point = ec.publicKey.export({ format: 'jwk' });
const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
const parse = (...keys: readonly unknown[]) => parseKeySet(JSON.stringify({ keys }));

describe('a JSON Web Key Set', () => {
  it('keeps public keys alone, in one order', () => {
    const [one, two] = [
      { ...point, kid: 'b', use: 'sig', x5c: ['MII'] },
      { ...ed, kid: 'a', alg: 'EdDSA' },
    ];
    const read = parse(one, two);
    expect(read).to.deep.equal(parse(two, one));
    expect(read.ok && JSON.parse(read.value.jwks)).to.deep.equal({
      keys: [
        { kty: 'OKP', kid: 'a', alg: 'EdDSA', crv: 'Ed25519', x: ed.x },
        { kty: 'EC', kid: 'b', crv: 'P-256', x: point.x, y: point.y },
      ],
    });
  });

  it('never keeps a private half, and says that there was one', () => {
    const { d, ...key } = ec.privateKey.export({ format: 'jwk' });
    const read = parse({ ...key, d });
    expect(read.ok && read.value.leftOut).to.deep.equal(['the private half of keys[0]']);
    expect(JSON.stringify(read)).not.to.include(d);
  });

  // Each of these makes Envoy refuse the whole filter when it stands alone.
  for (const [what, key] of [
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0' }],
    ['an unknown type', { kty: 'XY' }],
    ['a point that is not on its curve', { ...point, x: 'AA' }],
    ['a curve that Envoy has not', { ...point, crv: 'secp256k1' }],
    ['an RSA exponent that Envoy does not take', rsa(17)],
    ['an algorithm of another type', { ...point, alg: 'RS256' }],
    ['HMAC with an RSA key', { ...rsa(), alg: 'HS256' }],
    ['text that is no base64url', { ...rsa(), n: '!!' }],
    ['an Ed25519 key that is too short', { ...ed, x: 'AA' }],
    ['no object', 'key'],
  ] as const) {
    it(`leaves out ${what}`, () => {
      const read = parse(key, point);
      expect(read.ok && [JSON.parse(read.value.jwks).keys.length, read.value.leftOut.length]).to.deep.equal([1, 1]);
      expect(parse(key).ok).to.equal(false);
    });
  }

  it('is refused where it is none, or too much', () => {
    expect(parseKeySet('no').ok).to.equal(false);
    expect(parseKeySet('[]').ok).to.equal(false);
    expect(parse().ok).to.equal(false);
    expect(parse(...Array.from({ length: 257 }, () => point)).ok).to.equal(false);
    expect(parseKeySet(`{"keys":[${JSON.stringify(point)}], "x":"${'x'.repeat(maxKeySetBytes)}"}`).ok).to.equal(false);
  });
});
