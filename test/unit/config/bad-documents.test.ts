import { expect } from 'chai';
import { readText } from '../../../src/config/files.ts';
import { badDocuments, describeRead, rewrite } from '../../support/bad-documents.ts';

describe('wrong documents', () => {
  const documents = badDocuments();

  it('are many', () => {
    expect(documents.length).to.be.greaterThan(90);
  });

  for (const document of documents) {
    it(`${document.name}: ${document.title}`, () => {
      const said = describeRead(readText('f.yaml', document.text));
      if (process.env['UPDATE'] === '1') rewrite(document, said);
      expect(said).to.deep.equal(document.expected);
    });
  }
});
