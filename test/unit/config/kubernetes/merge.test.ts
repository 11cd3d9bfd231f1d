import { expect } from 'chai';
import { merge } from '../../../../src/config/kubernetes/merge.ts';
import { turnOfLoop } from '../../../support/scripted-kube.ts';

/** A stream of numbers that says when it was asked and when it was closed. */
function stream(values: readonly number[], log: string[], name: string): AsyncIterable<number> {
  return {
    async *[Symbol.asyncIterator]() {
      try {
        for (const value of values) {
          log.push(`${name}${value}`);
          yield value;
        }
      } finally {
        log.push(`${name} closed`);
      }
    },
  };
}

describe('merge of streams', () => {
  it('gives what is there together, and asks no stream twice before its value was taken', async () => {
    const log: string[] = [];
    const merged = merge([stream([1, 2], log, 'a'), stream([3], log, 'b')]);
    expect((await merged.next()).value).to.deep.equal([1, 3]);
    for (let turn = 0; turn < 5; turn++) await turnOfLoop();
    expect(log).to.deep.equal(['a1', 'b3']);
    expect((await merged.next()).value).to.deep.equal([2]);
    expect(await merged.next()).to.deep.equal({ done: true, value: undefined });
    expect(log).to.have.members(['a1', 'b3', 'a2', 'a closed', 'b closed']);
  });

  it('goes on until the last stream has ended', async () => {
    const log: string[] = [];
    const values: number[] = [];
    for await (const each of merge([stream([1, 2, 3, 4], log, 'a'), stream([5], log, 'b'), stream([], log, 'c')]))
      values.push(...each);
    expect(values).to.have.members([1, 2, 3, 4, 5]);
  });

  it('throws what a stream throws, and closes the others', async () => {
    const log: string[] = [];
    const failing: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('broken')) }),
    };
    const merged = merge([stream([1, 2, 3], log, 'a'), failing]);
    let message = '';
    try {
      for await (const _ of merged);
    } catch (thrown) {
      message = thrown instanceof Error ? thrown.message : '';
    }
    await turnOfLoop();
    expect([message, log.at(-1)]).to.deep.equal(['broken', 'a closed']);
  });

  it('closes the streams when the consumer leaves', async () => {
    const log: string[] = [];
    for await (const _ of merge([stream([1, 2], log, 'a')])) break;
    await turnOfLoop();
    expect(log).to.deep.equal(['a1', 'a closed']);
  });
});
