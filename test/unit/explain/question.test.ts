import { expect } from 'chai';
import { parseQuestion, plainQuestion } from '../../../src/explain/question.ts';

describe('a question over a wire', () => {
  it('is read with what is left out filled in', () => {
    expect(parseQuestion({ from: 'a.b', to: 'c.d:80' })).to.deep.equal({
      ok: true,
      value: { ...plainQuestion, from: 'a.b', to: 'c.d:80' },
    });
  });

  it('survives the trip as it was', () => {
    const question = {
      ...plainQuestion,
      from: 'a.b',
      to: 'c.d:80',
      headers: [['x', 'y']],
      claims: { a: { b: ['c'] } },
      tokens: [{ handle: 't', claims: { sub: 'x' }, payload: 'p', signedBy: ['k'] }],
    };
    expect(parseQuestion(JSON.parse(JSON.stringify(question)))).to.deep.equal({ ok: true, value: question });
  });

  for (const [what, value] of [
    ['no object', 'x'],
    ['nobody', {}],
    ['another protocol', { from: 'a', to: 'b', protocol: 'udp' }],
    ['a number for text', { from: 'a', to: 'b', path: 1 }],
    ['headers that are none', { from: 'a', to: 'b', headers: ['x'] }],
    ['claims that are none', { from: 'a', to: 'b', claims: 'x' }],
    [
      'a token that says it is good',
      { from: 'a', to: 'b', tokens: [{ handle: 'x', claims: {}, payload: '', signedBy: 'assumed' }] },
    ],
  ] as const) {
    it(`is refused: ${what}`, () => {
      expect(parseQuestion(value).ok).to.equal(false);
    });
  }
});
