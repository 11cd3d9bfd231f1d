import { expect } from 'chai';
import { numberIn, objectIn, objectsIn, textIn, textsIn } from '../../../src/lib/json-fields.ts';

const object = { map: { a: 'text', b: 1, c: null }, list: [{ a: 1 }, null, 'text', [], {}], text: 'text', number: 5 };

describe('json-fields', () => {
  it('gives what is of the asked type', () => {
    expect(objectIn(object, 'map')).to.equal(object.map);
    expect(objectsIn(object, 'list')).to.deep.equal([{ a: 1 }, {}]);
    expect(textIn(object, 'text')).to.equal('text');
    expect(textsIn(object, 'map')).to.deep.equal({ a: 'text' });
    expect(numberIn(object, 'number')).to.equal(5);
  });

  it('gives an empty value for what is missing or of another type', () => {
    for (const field of ['missing', 'list', 'text']) expect(objectIn(object, field)).to.deep.equal({});
    for (const field of ['missing', 'map', 'text']) expect(objectsIn(object, field)).to.deep.equal([]);
    for (const field of ['missing', 'map', 'number']) expect(textIn(object, field)).to.equal('');
    for (const field of ['missing', 'list', 'text']) expect(textsIn(object, field)).to.deep.equal({});
    for (const field of ['missing', 'map', 'text']) expect(numberIn(object, field)).to.equal(0);
  });
});
