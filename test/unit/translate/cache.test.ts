import { expect } from 'chai';
import { BuildCache } from '../../../src/translate/cache.ts';

describe('BuildCache', () => {
  it('builds once for equal keys, and by kind', () => {
    const cache = new BuildCache();
    let built = 0;
    const get = (kind: string, key: unknown) => cache.get(kind, key, () => ({ serial: ++built }));
    const first = get('a', { x: 1 });
    expect(get('a', { x: 1 })).to.equal(first);
    expect(get('a', { x: 2 })).to.deep.equal({ serial: 2 });
    expect(get('b', { x: 1 })).to.deep.equal({ serial: 3 });
    expect(cache.stats()).to.deep.equal({ hits: 1, misses: 3, size: 3 });
  });

  it('gives the builder its key', () => {
    const key = { x: 1 };
    expect(new BuildCache().get('a', key, (given) => given)).to.equal(key);
  });

  it('keeps kinds and keys apart, whatever characters are in them', () => {
    const cache = new BuildCache();
    const texts = ['a', 'a\n', 'a"', 'a\\', ['a'], ['a', ''], ['', 'a'], { a: '' }, { a: ['b'] }, '', null];
    for (const key of texts) cache.get('k', key, () => ({}));
    expect(cache.stats().size).to.equal(texts.length);
  });

  it('forgets the least recently used', () => {
    const cache = new BuildCache({ maxBytes: 2_500 });
    for (const key of ['a', 'b', 'a', 'c']) cache.get('k', key, () => ({}));
    const rebuilt: string[] = [];
    for (const key of ['a', 'c']) cache.get('k', key, () => rebuilt.push(key) && {});
    expect(rebuilt).to.deep.equal([]);
    cache.get('k', 'b', () => rebuilt.push('b') && {});
    expect(rebuilt).to.deep.equal(['b']);
  });

  // Regression: a security lesson of the field, "a cache key that missed an input gave one proxy another's config".
  describe('under verification', () => {
    it('catches a builder that reads anything outside its key', () => {
      const cache = new BuildCache({ verify: true });
      const policyFor = (namespace: string) =>
        cache.get('policy', { port: 80 }, ({ port }) => ({ port, allows: `${namespace}/*` }));
      policyFor('foo');
      expect(policyFor('foo')).to.deep.equal({ port: 80, allows: 'foo/*' });
      expect(() => policyFor('bar')).to.throw('same key, other value: policy\n{"port":80}');
    });

    it('catches a key whose difference gets lost on the way to text', () => {
      const cache = new BuildCache({ verify: true });
      const get = (mode: string) => cache.get('k', new Map([[80, mode]]), (key) => ({ mode: key.get(80) }));
      get('STRICT');
      expect(() => get('DISABLE')).to.throw('same key, other value');
    });

    it('compares bytes and maps, not only what JSON shows of them', () => {
      const cache = new BuildCache({ verify: true });
      let serial = 0;
      const bytes = () => cache.get('bytes', 0, () => ({ body: Uint8Array.of(serial++) }));
      const map = () => cache.get('map', 0, () => new Map([['a', serial++]]));
      bytes();
      expect(bytes).to.throw('same key, other value');
      map();
      expect(map).to.throw('same key, other value');
    });
  });
});
