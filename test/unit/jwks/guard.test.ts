import { expect } from 'chai';
import { checkedUrl, permitted } from '../../../src/jwks/guard.ts';
import { parseIpRange } from '../../../src/lib/ip.ts';

const ranges = (...texts: readonly string[]) =>
  texts.map((text) => parseIpRange(text)).filter((each) => each !== undefined);

describe('where keys are fetched from', () => {
  const closed = {
    loopback: ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1'],
    'link-local': ['169.254.169.254', '169.254.1.1', 'fe80::1', '::ffff:169.254.169.254'],
    unspecified: ['0.0.0.0', '::', '::ffff:0.0.0.0'],
    multicast: ['224.0.0.1', '255.255.255.255', 'ff02::1'],
    metadata: ['100.100.100.200', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254', '::ffff:100.100.100.200'],
  };
  for (const [kind, addresses] of Object.entries(closed)) {
    it(`is no ${kind} address`, () => {
      for (const address of addresses) {
        expect(permitted('a.example', [address], []), address).to.deep.equal({
          ok: false,
          error: {
            kind: 'address',
            reason: `a.example leads to ${address} (${kind}), where no keys are fetched from`,
          },
        });
      }
    });
  }

  it('is any public or private one', () => {
    for (const address of ['93.184.216.34', '10.1.2.3', '192.168.0.1', '2606:2800:220:1::1', 'fd12::1']) {
      expect(permitted('a.example', [address], []).ok, address).to.equal(true);
    }
  });

  it('is what is allowed by range, whatever its kind, and nothing beside it', () => {
    const allow = ranges('127.0.0.0/30', '169.254.7.7', 'fe80::/16');
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '169.254.7.7', 'fe80::1']) {
      expect(permitted('a', [address], allow).ok, address).to.equal(true);
    }
    for (const address of ['127.0.0.4', '169.254.169.254', '::1']) {
      expect(permitted('a', [address], allow).ok, address).to.equal(false);
    }
  });

  it('is the good part of what a name leads to', () => {
    expect(permitted('a', ['127.0.0.1', '10.0.0.1', '169.254.0.1'], [])).to.deep.equal({
      ok: true,
      value: ['10.0.0.1'],
    });
    expect(permitted('a', [], [])).to.deep.equal({ ok: false, error: { kind: 'name', reason: 'a has no address' } });
  });

  const literal: readonly (readonly [string, string])[] = [
    ['http://127.0.0.1/keys', '127.0.0.1'],
    ['http://[::1]:80/', '::1'],
    ['http://[::ffff:169.254.169.254]/', '::ffff:a9fe:a9fe'],
    ['https://2130706433/', '127.0.0.1'],
    ['https://0x7f.1/', '127.0.0.1'],
    ['https://017700000001/', '127.0.0.1'],
    ['https://127.1/', '127.0.0.1'],
    ['https://0/', '0.0.0.0'],
  ];
  for (const [text, address] of literal) {
    it(`sees through ${text}`, () => {
      const checked = checkedUrl(text, undefined, []);
      expect(checked.ok ? 'taken' : checked.error.kind).to.equal('address');
      expect(checkedUrl(text, undefined, ranges('0.0.0.0/0', '::/0')).ok).to.equal(true);
      expect(checked.ok ? '' : checked.error.reason).to.include(` leads to ${address} (`);
    });
  }

  it('is no address with a password, of another protocol, or from https to http', () => {
    const base = new URL('https://a.example/x/y');
    const refused = (text: string): string => {
      const checked = checkedUrl(text, base, []);
      return checked.ok ? checked.value.href : checked.error.reason;
    };
    expect(refused('z')).to.equal('https://a.example/x/z');
    expect(refused('//b.example/')).to.equal('https://b.example/');
    expect(refused('http://a.example/')).to.equal(
      'it leads from https to http, where keys could be exchanged on their way',
    );
    expect(refused('https://me:secret@a.example/')).to.equal('it leads to an address with a password');
    expect(refused('https://me@a.example/')).to.equal('it leads to an address with a password');
    expect(refused('file:///etc/passwd')).to.equal('it leads to an address that starts with file:');
    expect(refused('https://')).to.equal('it leads to something that is no URL');
  });
});
