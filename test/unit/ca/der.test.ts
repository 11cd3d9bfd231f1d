import { expect } from 'chai';
import fc from 'fast-check';
import {
  bitString,
  explicit,
  implicit,
  ipBytes,
  namedBits,
  objectId,
  octetString,
  sequence,
  time,
  tlv,
  unsignedInteger,
} from '../../../src/ca/der.ts';
import { children, single } from '../../../src/ca/der-reader.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Buffer => Buffer.from(text, 'hex');

describe('ca/der', () => {
  describe('the writer', () => {
    const cases: readonly (readonly [what: string, written: Uint8Array, expected: string])[] = [
      ['an empty sequence', sequence(), '3000'],
      ['0', unsignedInteger(bytes('00')), '020100'],
      ['127', unsignedInteger(bytes('7f')), '02017f'],
      ['128, which needs a zero in front', unsignedInteger(bytes('80')), '02020080'],
      ['leading zeros, which go', unsignedInteger(bytes('000001')), '020101'],
      ['digitalSignature', namedBits(0), '03020780'],
      ['keyCertSign and cRLSign', namedBits(5, 6), '03020106'],
      ['a ninth bit', namedBits(8), '0303070080'],
      ['a bit string', bitString(bytes('abcd')), '030300abcd'],
      ['an octet string', octetString(bytes('abcd')), '0402abcd'],
      ['ecdsa-with-SHA256', objectId('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
      ['sha256WithRSAEncryption', objectId('1.2.840.113549.1.1.11'), '06092a864886f70d01010b'],
      [
        'the last second of UTCTime',
        time(Date.UTC(2049, 11, 31, 23, 59, 59)),
        `170d${hex(Buffer.from('491231235959Z'))}`,
      ],
      ['the first of GeneralizedTime', time(Date.UTC(2050, 0)), `180f${hex(Buffer.from('20500101000000Z'))}`],
      ['an explicit tag', explicit(3, sequence()), 'a3023000'],
      ['an implicit tag', implicit(6, Buffer.from('a')), '860161'],
    ];
    for (const [what, written, expected] of cases) {
      it(`writes ${what}`, () => expect(hex(written)).to.equal(expected));
    }

    const lengths: readonly (readonly [length: number, header: string])[] = [
      [127, '047f'],
      [128, '048180'],
      [255, '0481ff'],
      [256, '04820100'],
      [65_535, '0482ffff'],
    ];
    for (const [length, header] of lengths) {
      it(`writes a length of ${length} in its shortest form`, () => {
        const written = octetString(Buffer.alloc(length));
        expect(hex(written.subarray(0, header.length / 2))).to.equal(header);
        expect(written.length).to.equal(header.length / 2 + length);
      });
    }

    it('refuses what no certificate holds', () => {
      expect(() => octetString(Buffer.alloc(65_536))).to.throw(RangeError, 'no certificate field is 65536 bytes long');
    });

    const addresses: readonly (readonly [text: string, expected: string])[] = [
      ['10.77.0.1', '0a4d0001'],
      ['::', '00000000000000000000000000000000'],
      ['::1', '00000000000000000000000000000001'],
      ['fe80::1:2', 'fe800000000000000000000000010002'],
      ['2001:db8::', '20010db8000000000000000000000000'],
      ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
      ['::ffff:1.2.3.4', '00000000000000000000ffff01020304'],
    ];
    for (const [text, expected] of addresses) {
      it(`writes the address ${text}`, () => expect(hex(ipBytes(text))).to.equal(expected));
    }
  });

  describe('the reader', () => {
    it('reads whatever the writer wrote', () => {
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (values) => {
          const read = children(single(sequence(...values.map(octetString))).value);
          expect(read.map(({ tag, value }) => ({ tag, value: hex(value) }))).to.deep.equal(
            values.map((value) => ({ tag: 4, value: hex(value) })),
          );
        }),
        { numRuns: 200 },
      );
    });

    const wrong: readonly (readonly [what: string, input: string, message: string])[] = [
      ['nothing', '', 'a DER value that ends too early'],
      ['a tag without a length', '30', 'a DER value that ends too early'],
      ['fewer bytes than the length says', '300500', 'a DER value that ends too early'],
      ['a cut length', '3082', 'a DER value that ends too early'],
      ['bytes after the end', '300000', 'bytes after the end of a DER value'],
      ['an indefinite length', '30800000', 'a DER length that no certificate has'],
      ['a length of four bytes', '308400000000', 'a DER length that no certificate has'],
      ['a long form where the short one does', '30810100', 'a DER length that is not the shortest form'],
      ['a length with a leading zero', `308200ff${'00'.repeat(255)}`, 'a DER length that is not the shortest form'],
      ['a tag of two bytes', '1f0100', 'a DER tag of more than one byte'],
    ];
    for (const [what, input, message] of wrong) {
      it(`refuses ${what}`, () => expect(() => single(bytes(input))).to.throw(RangeError, message));
    }

    it('gives header and value', () => {
      const node = single(tlv(0x30, bytes('020105')));
      expect({ ...node, value: hex(node.value), whole: hex(node.whole) }).to.deep.equal({
        tag: 0x30,
        value: '020105',
        whole: '3003020105',
      });
    });
  });
});
