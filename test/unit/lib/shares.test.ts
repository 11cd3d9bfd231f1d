import { expect } from 'chai';
import { Shares } from '../../../src/lib/shares.ts';

describe('lib/shares', () => {
  it('takes the oldest from who holds the most, and leaves the others alone', () => {
    const shares = new Shares(3);
    const ended: string[] = [];
    const take = (owner: string, name: string) => shares.take(owner, 1, () => ended.push(name));
    take('stranger', 's1');
    take('server', 'a1');
    take('stranger', 's2');
    take('server', 'a2');
    take('stranger', 's3');
    expect([ended, shares.total]).to.deep.equal([['s1', 's2'], 3]);
  });

  it('gives room back when a share ends, once', () => {
    const shares = new Shares(2);
    const ended: string[] = [];
    const first = shares.take('a', 1, () => ended.push('first'));
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    shares.take('a', 1, () => ended.push('second'));
    shares.take('a', 1, () => ended.push('third'));
    expect([ended, shares.total]).to.deep.equal([[], 2]);
  });

  it('counts what a share grows by, and nothing of one that was ended', () => {
    const shares = new Shares(100);
    const ended: string[] = [];
    const big = shares.take('a', 0, () => ended.push('big'));
    const small = shares.take('b', 0, () => ended.push('small'));
    big.add(60);
    small.add(41);
    big.add(1000);
    expect([ended, shares.total]).to.deep.equal([['big'], 41]);
  });

  it('ends the one that alone is too much', () => {
    const shares = new Shares(10);
    const ended: string[] = [];
    shares.take('a', 11, () => ended.push('only'));
    expect([ended, shares.total]).to.deep.equal([['only'], 0]);
  });
});
