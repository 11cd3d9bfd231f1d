import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import { readCertificate } from '../../../src/ca/certificate-fields.ts';
import { explicit, implicit, objectId, octetString, sequence, time, unsignedInteger } from '../../../src/ca/der.ts';
import { oids } from '../../../src/ca/oids.ts';
import { keyIdOf, signRoot } from '../../../src/ca/sign.ts';
import { failure, start } from './helpers.ts';

/** A certificate with any names, and no valid signature: the reader doesn't look at that. */
export function certificateWith(names: readonly Uint8Array[], copies = 1): Buffer {
  const extension = sequence(objectId(oids.subjectAltName), octetString(sequence(...names)));
  const fields = [
    explicit(0, unsignedInteger(Buffer.from([2]))),
    unsignedInteger(Buffer.from([1])),
    sequence(),
    sequence(),
    sequence(time(start), time(start)),
    sequence(),
    sequence(),
    explicit(3, sequence(...Array<Buffer>(copies).fill(extension))),
  ];
  return sequence(sequence(...fields), sequence(), sequence());
}

const uri = (value: string): Buffer => implicit(6, Buffer.from(value, 'latin1'));

describe('ca/certificate-fields', () => {
  it('reads subject and key identifier of a root', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const root = signRoot(
      {
        organization: 'o',
        commonName: 'c',
        publicKey: spki,
        serial: Buffer.from([1]),
        notBefore: start,
        notAfter: start,
      },
      privateKey,
    );
    const { subject, keyId, names } = readCertificate(root);
    expect({ subject: Buffer.from(subject).toString('hex'), keyId: Buffer.from(keyId ?? []), names }).to.deep.equal({
      subject: '301831' + '0a300806035504' + '0a0c016f' + '310a30080603550403' + '0c0163',
      keyId: keyIdOf(spki),
      names: [],
    });
  });

  it('reads names of every kind, in order', () => {
    const der = certificateWith([
      uri('spiffe://a'),
      implicit(2, Buffer.from('b.c')),
      implicit(7, Buffer.from([10, 0, 0, 1])),
      implicit(1, Buffer.from('x@y')),
    ]);
    expect(readCertificate(der).names).to.deep.equal([
      { kind: 'uri', value: 'spiffe://a' },
      { kind: 'dns', value: 'b.c' },
      { kind: 'ip', value: Buffer.from([10, 0, 0, 1]) },
      { kind: 'other' },
    ]);
  });

  it('takes a name with a separator in it as the one name that it is', () => {
    const hostile = 'spiffe://evil/ns/x, URI:spiffe://cluster.local/ns/istio-system/sa/admin';
    expect(readCertificate(certificateWith([uri(hostile)])).names).to.deep.equal([{ kind: 'uri', value: hostile }]);
  });

  const malformed: readonly (readonly [what: string, der: Uint8Array])[] = [
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('-----BEGIN CERTIFICATE-----')],
    ['an empty sequence', sequence()],
    [
      'a certificate without a version',
      sequence(sequence(unsignedInteger(Buffer.from([1])), sequence(), sequence(), sequence(), sequence(), sequence())),
    ],
    ['a cut certificate', certificateWith([uri('spiffe://a')]).subarray(0, 40)],
    ['bytes after its end', Buffer.concat([certificateWith([uri('spiffe://a')]), Buffer.from([0])])],
    ['the names twice', certificateWith([uri('spiffe://a')], 2)],
    ['a NUL in a name', certificateWith([uri('spiffe://a\0b')])],
    ['a newline in a name', certificateWith([uri('spiffe://a\nb')])],
    ['a byte beyond ASCII in a name', certificateWith([uri('spiffe://\u00e4')])],
  ];
  for (const [what, der] of malformed) {
    it(`refuses ${what}`, async () => {
      const error = await failure(() => readCertificate(der));
      expect([error.code, error.message]).to.deep.equal(['bad-argument', 'the certificate is not well-formed DER']);
    });
  }
});
