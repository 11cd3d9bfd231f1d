import { expect } from 'chai';
import { isRecord } from '../../../src/lib/is-record.ts';

describe('isRecord', () => {
  it('knows an object from everything else that JSON has', () => {
    const values: readonly unknown[] = [{}, { a: 1 }, [], [{}], null, undefined, 'text', 1, true];
    expect(values.filter(isRecord)).to.deep.equal([{}, { a: 1 }]);
  });
});
