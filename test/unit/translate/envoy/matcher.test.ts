import { expect } from 'chai';
import { stringMatch } from '../../../../src/model/match.ts';
import {
  addressRange,
  headerMatcher,
  headerMatchers,
  hostMatchers,
  namespaceMatcher,
  principalMatchers,
  quote,
  serviceAccountMatchers,
  stringMatcher,
  trustDomainMatchers,
} from '../../../../src/translate/envoy/matcher.ts';

const regex = (pattern: string) => ({ safeRegex: { regex: pattern } });

describe('matchers', () => {
  it('quote every metacharacter of RE2, and nothing else', () => {
    expect(quote('^$.|?*+()[]{}\\')).to.equal('\\^\\$\\.\\|\\?\\*\\+\\(\\)\\[\\]\\{\\}\\\\');
    const plain = ' !"#%&\',-/0123456789:;<=>@ABC_`abc~\n\r\t\0é😀';
    expect(quote(plain)).to.equal(plain);
  });

  it('of strings need no pattern but for presence', () => {
    expect(['x', 'x*', '*x', '*'].map((text) => stringMatcher(stringMatch(text)))).to.deep.equal([
      { exact: 'x' },
      { prefix: 'x' },
      { suffix: 'x' },
      regex('\\C+'),
    ]);
  });

  it('of strings read an empty prefix or suffix as presence, since Envoy refuses it', () => {
    for (const kind of ['prefix', 'suffix'] as const) {
      expect(stringMatcher({ kind, value: '' })).to.deep.equal(regex('\\C+'));
    }
  });

  it('of headers compare the whole value, or ask for presence', () => {
    expect(['GET', '*'].map((text) => headerMatcher(':method', stringMatch(text)))).to.deep.equal([
      { name: ':method', stringMatch: { exact: 'GET' } },
      { name: ':method', presentMatch: true },
    ]);
  });

  it('of headers that may come several times find one among others, where more is safer', () => {
    const name = 'x-team';
    const of = (text: string, lean: 'narrow' | 'wide') => headerMatchers(name, stringMatch(text), lean);
    expect(of('a', 'narrow')).to.deep.equal([{ name, stringMatch: { exact: 'a' } }]);
    expect(of('a', 'wide')).to.deep.equal(
      [{ exact: 'a' }, { prefix: 'a,' }, { suffix: ',a' }, { contains: ',a,' }].map((stringMatch) => ({
        name,
        stringMatch,
      })),
    );
    expect(of('a*', 'wide')).to.deep.equal(
      [{ prefix: 'a' }, { contains: ',a' }].map((stringMatch) => ({ name, stringMatch })),
    );
    expect(of('*a', 'wide')).to.deep.equal(
      [{ suffix: 'a' }, { contains: 'a,' }].map((stringMatch) => ({ name, stringMatch })),
    );
    expect(of('*', 'wide')).to.deep.equal([{ name, presentMatch: true }]);
  });

  it('of addresses are ranges', () => {
    expect(addressRange({ address: 'fd00::', prefixLength: 8 })).to.deep.equal({
      addressPrefix: 'fd00::',
      prefixLen: { value: 8 },
    });
  });

  it('of service accounts compare the end of the identity, and that it has five parts', () => {
    expect(serviceAccountMatchers({ namespace: 'a', name: 'x.y' })).to.deep.equal([
      { suffix: '/ns/a/sa/x.y' },
      regex('spiffe://[^/]+/ns/[^/]+/sa/[^/]+'),
    ]);
  });

  describe('of trust domains', () => {
    const of = (text: string) => trustDomainMatchers(stringMatch(text));

    it('look at what is before the first slash', () => {
      expect(of('td')).to.deep.equal([{ prefix: 'spiffe://td/' }]);
      expect(of('t*')).to.deep.equal([{ prefix: 'spiffe://t' }]);
      expect(of('*.d')).to.deep.equal([regex('spiffe://[^/]*\\.d/\\C*')]);
      expect(of('*')).to.deep.equal([{ prefix: 'spiffe://' }]);
    });

    it('put no more than 60 bytes of a suffix into a pattern', () => {
      const [fits, long] = ['x'.repeat(60), 'x'.repeat(61)];
      expect(of(`*${fits}`)).to.deep.equal([regex(`spiffe://[^/]*${fits}/\\C*`)]);
      expect(of(`*${long}`)).to.deep.equal([regex(`spiffe://[^/]*${fits}/\\C*`), { contains: `${long}/` }]);
    });
  });

  describe('of hosts', () => {
    const of = (text: string) => hostMatchers(stringMatch(text));
    const name = ':authority';
    const whole = (match: object) => [{ name, stringMatch: { ...match, ignoreCase: true } }];

    it('take an exact host with any port', () => {
      expect(of('a.b')).to.deep.equal([
        whole({ exact: 'a.b' }),
        [...whole({ prefix: 'a.b:' }), { name, stringMatch: regex('[^:]*:[0-9]*') }],
      ]);
    });

    it('take a suffix with any port', () => {
      expect(of('*.b')).to.deep.equal([
        whole({ suffix: '.b' }),
        [...whole({ contains: '.b:' }), { name, stringMatch: regex('[^:]*:[0-9]*') }],
      ]);
    });

    it('take an address in brackets with any port', () => {
      expect(of('[::1]')).to.deep.equal([
        whole({ exact: '[::1]' }),
        [...whole({ prefix: '[::1]:' }), { name, stringMatch: regex('(\\[[^\\]]*\\]|[^:]*):[0-9]*') }],
      ]);
    });

    it('take a prefix as it is, and a port where one is written', () => {
      expect(of('a.*')).to.deep.equal([whole({ prefix: 'a.' })]);
      expect(of('a.b:80')).to.deep.equal([whole({ exact: 'a.b:80' })]);
      expect(of('*:80')).to.deep.equal([whole({ suffix: ':80' })]);
      expect(of('*')).to.deep.equal([[{ name, presentMatch: true }]]);
    });
  });

  describe('of principals', () => {
    const of = (text: string) => principalMatchers(stringMatch(text));

    it('add the scheme', () => {
      expect(of('td/ns/a/sa/b')).to.deep.equal([{ exact: 'spiffe://td/ns/a/sa/b' }]);
      expect(of('td/ns/*')).to.deep.equal([{ prefix: 'spiffe://td/ns/' }]);
      expect(of('*/sa/b.c')).to.deep.equal([regex('spiffe://\\C*/sa/b\\.c')]);
      expect(of('*')).to.deep.equal([regex('\\C+')]);
    });

    it('put no more than 80 bytes of a suffix into a pattern', () => {
      const [suffix80, suffix81] = ['x'.repeat(80), `é${'x'.repeat(79)}`];
      expect(of(`*${suffix80}`)).to.deep.equal([regex(`spiffe://\\C*${suffix80}`)]);
      expect(of(`*${suffix81}`)).to.deep.equal([regex(`spiffe://\\C*${'x'.repeat(79)}`), { suffix: suffix81 }]);
    });
  });

  describe('of namespaces', () => {
    const of = (text: string) => namespaceMatcher(stringMatch(text));

    it('look at one segment only', () => {
      expect(of('a.b')).to.deep.equal(regex('spiffe://[^/]+/ns/a\\.b/\\C+'));
      expect(of('a*')).to.deep.equal(regex('spiffe://[^/]+/ns/a[^/]*/\\C+'));
      expect(of('*a')).to.deep.equal(regex('spiffe://[^/]+/ns/[^/]*a/\\C+'));
      expect(of('a*b')).to.deep.equal(regex('spiffe://[^/]+/ns/a[^/]*b/\\C+'));
      expect(of('*')).to.deep.equal(regex('spiffe://[^/]+/ns/[^/]+/\\C+'));
    });

    it('take what is as long as a namespace with its star', () => {
      const [all, half] = ['a'.repeat(62), 'a'.repeat(31)];
      expect(of(`${all}*`)).to.deep.equal(regex(`spiffe://[^/]+/ns/${all}[^/]*/\\C+`));
      expect(of(`*${all}`)).to.deep.equal(regex(`spiffe://[^/]+/ns/[^/]*${all}/\\C+`));
      expect(of(`${half}*${half}`)).to.deep.equal(regex(`spiffe://[^/]+/ns/${half}[^/]*${half}/\\C+`));
    });

    it('match nothing for what is longer than a namespace', () => {
      expect(of('a'.repeat(200))).to.deep.equal(regex('[^\\s\\S]'));
    });
  });
});
