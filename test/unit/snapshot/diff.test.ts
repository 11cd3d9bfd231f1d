import { expect } from 'chai';
import { sides, subject } from '../../../src/snapshot/diff.ts';
import { pod } from '../../support/objects.ts';

const [old, fresh] = [pod('foo', 'a', '10.0.0.1'), pod('foo', 'a', '10.0.0.2')];

describe('Change', () => {
  it('has the newest side there is as its subject', () => {
    expect(subject({ before: old, after: fresh })).to.equal(fresh);
    expect(subject({ before: old, after: undefined })).to.equal(old);
    expect(() => subject({ before: undefined, after: undefined })).to.throw('at least one side');
  });

  it('has the sides that are there, the old one first', () => {
    expect(sides({ before: old, after: fresh })).to.deep.equal([old, fresh]);
    expect(sides({ before: undefined, after: fresh })).to.deep.equal([fresh]);
  });
});
