import { expect } from 'chai';
import fc from 'fast-check';
import { type AddressClass, addressClass, inRanges, parseIpRange } from '../../../src/lib/ip.ts';

const shown = (text: string): string | undefined => {
  const range = parseIpRange(text);
  return range === undefined ? undefined : `${range.address}/${range.prefixLength}`;
};

describe('lib/ip: ranges', () => {
  const read: readonly (readonly [string, string])[] = [
    ['10.1.2.3', '10.1.2.3/32'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.255.255.255/9', '10.128.0.0/9'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::/0', '::/0'],
    ['2001:DB8::1', '2001:db8::1/128'],
    ['2001:db8:0:0:0:0:0:1/33', '2001:db8::/33'],
    // An IPv4 peer is never seen in IPv6 clothes, so a policy that writes it so means IPv4.
    ['::ffff:10.1.2.3', '10.1.2.3/32'],
    ['::ffff:a01:203', '10.1.2.3/32'],
    ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    // Wider than all of IPv4: a range of IPv6.
    ['::ffff:0:0/80', '::/80'],
    ['::1.2.3.4', '::102:304/128'],
    ['64:ff9b::1.2.3.4/96', '64:ff9b::/96'],
  ];
  for (const [text, canonical] of read) {
    it(`reads ${text}`, () => {
      expect(shown(text)).to.equal(canonical);
    });
  }

  const refused = ['', '10', '10.1', '10.0.0', '10.0.0.256', '010.0.0.1', '0x0a000001', '10.0.0.1/33', '10.0.0.1/'];
  const refusedToo = ['10.0.0.1/08', '10.0.0.1/8/8', '10.0.0.1/-1', '10.0.0.0/ 8', ' 10.0.0.1', '10.0.0.1:80'];
  const refusedV6 = [':::', '1:2', 'fe80::1%eth0', '::1/129', '[::1]', '::1.2.3', '::01.2.3.4', '1.2.3.4::', '::x'];
  for (const text of [...refused, ...refusedToo, ...refusedV6]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(shown(text)).to.equal(undefined);
    });
  }

  it('has one form for each range, which reads as itself', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(address, fc.nat({ max: 128 }), (text, length) => {
        const once = shown(`${text}/${text.includes(':') ? length : length % 33}`);
        expect(once).to.be.a('string');
        expect(shown(once ?? '')).to.equal(once);
        expect(inRanges(text, [parseIpRange(text) ?? { address: '', prefixLength: 0 }])).to.equal(true);
      }),
      { numRuns: 500 },
    );
  });

  it('finds an address in a range of its own kind only', () => {
    const ranges = [
      { address: '10.0.0.0', prefixLength: 8 },
      { address: 'fd00::', prefixLength: 8 },
    ];
    const inside = ['10.1.2.3', '::ffff:10.1.2.3', 'fd12::1', '11.0.0.1', '::10.1.2.3', 'fe00::1', 'x', ''];
    expect(inside.map((each) => inRanges(each, ranges))).to.deep.equal([
      true,
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('lib/ip: kinds of addresses', () => {
  const kinds: Readonly<Record<AddressClass, readonly string[]>> = {
    loopback: ['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1', '::127.0.0.1', '64:ff9b::127.0.0.1'],
    'link-local': ['169.254.0.1', 'fe80::1', '::ffff:169.254.1.1', '64:ff9b::169.254.1.1', '2001::1'],
    unspecified: ['0.0.0.0', '0.1.2.3', '::', '::ffff:0.0.0.0', 'localhost', '', '127.1', '2130706433'],
    multicast: ['224.0.0.1', '255.255.255.255', 'ff02::1'],
    metadata: [
      '100.100.100.200',
      '64:ff9b::100.100.100.200',
      '192.0.0.192',
      '168.63.129.16',
      '::ffff:168.63.129.16',
      'fd00:ec2::254',
      'fd00:ec2::23',
      'fd20:ce::254',
      'fd00:42::42',
      'fd00:c1::a9fe:a9fe',
      'fd00:a9fe:a9fe::1',
      'fd00:100::100:200',
    ],
    private: [
      '10.0.0.1',
      '172.16.0.1',
      '192.168.0.1',
      '100.64.0.1',
      'fd00::1',
      'fd00:ec3::1',
      'fec0::1',
      '2002:a00:1::1',
    ],
    public: ['1.1.1.1', '2606:4700::1111', '64:ff9b::1.1.1.1', '64:ff9b:1::1.1.1.1', '2002:101:101::1'],
  };
  for (const [kind, addresses] of Object.entries(kinds)) {
    it(`are told: ${kind}`, () => {
      expect(addresses.map((each) => [each, addressClass(each)])).to.deep.equal(addresses.map((each) => [each, kind]));
    });
  }

  it('tells the metadata service of most clouds, which is link-local, from none that may be asked', () => {
    expect(addressClass('169.254.169.254')).to.equal('link-local');
  });
});
