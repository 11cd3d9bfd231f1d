import { expect } from 'chai';
import { LineSplitter } from '../../../src/kube/line-splitter.ts';
import { MeshError } from '../../../src/lib/errors.ts';

describe('lines of a watch', () => {
  it('are the same however the bytes are cut', () => {
    const text = 'one\n\ntwo ü\u2028 still two\r\n{"three":"🙂"}\nhalf';
    const bytes = Buffer.from(text);
    const expected = ['one', 'two ü\u2028 still two\r', '{"three":"🙂"}'];
    for (let size = 1; size <= bytes.length; size++) {
      const splitter = new LineSplitter();
      const lines: string[] = [];
      for (let start = 0; start < bytes.length; start += size)
        lines.push(...splitter.push(bytes.subarray(start, start + size)));
      expect(lines, `chunks of ${size}`).to.deep.equal(expected);
    }
  });

  it('do not grow without end', () => {
    const splitter = new LineSplitter();
    const chunk = Buffer.alloc(8 * 1024 * 1024, 'x');
    let thrown: unknown;
    for (let n = 0; n < 9 && thrown === undefined; n++) {
      try {
        splitter.push(chunk);
      } catch (error) {
        thrown = error;
        expect(n).to.equal(8);
      }
    }
    expect(thrown).to.be.instanceOf(MeshError);
  });
});
