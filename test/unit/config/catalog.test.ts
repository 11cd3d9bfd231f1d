import { expect } from 'chai';
import { Catalog, keepMissing } from '../../../src/config/catalog.ts';
import { readContent, unreadableFile } from '../../../src/config/file-content.ts';
import type { SourceEvent } from '../../../src/config/source.ts';
import { peerAuthenticationText as policy } from '../../support/config-directory.ts';

/** Events in short: `apply a STRICT`, `delete a`, `findings f.yaml: code code`. */
function short(events: readonly SourceEvent[]): readonly string[] {
  return events.map((event) => {
    switch (event.type) {
      case 'apply':
        return `apply ${event.object.meta.name} ${event.object.kind === 'PeerAuthentication' ? event.object.mtls : ''}`.trim();
      case 'delete':
        return `delete ${event.ref.name}`;
      case 'findings':
        return `findings ${event.scope}: ${event.findings.map((finding) => finding.code).join(' ')}`.trim();
      default:
        return event.type;
    }
  });
}

class Files {
  readonly catalog = new Catalog();
  write(path: string, ...documents: readonly string[]): readonly string[] {
    return short(this.catalog.update([[path, readContent(path, documents.join('---\n'))]]));
  }
  remove(path: string): readonly string[] {
    return short(this.catalog.update([[path, undefined]]));
  }
}

describe('catalog of files', () => {
  it('tells what changes, and nothing else', () => {
    const files = new Files();
    expect(files.write('a.yaml', policy('x', 'STRICT'), policy('z', 'STRICT'))).to.deep.equal([
      'apply x STRICT',
      'apply z STRICT',
    ]);
    expect(files.write('a.yaml', policy('x', 'STRICT'), policy('z', 'DISABLE'))).to.deep.equal(['apply z DISABLE']);
    expect(files.write('a.yaml', policy('x', 'STRICT'))).to.deep.equal(['delete z']);
    expect(files.write('a.yaml', policy('x', 'STRICT'))).to.deep.equal([]);
    expect(files.remove('a.yaml')).to.deep.equal(['delete x']);
    expect(files.remove('a.yaml')).to.deep.equal([]);
  });

  it('keeps the last good state of a broken object, and says so', () => {
    const files = new Files();
    files.write('a.yaml', policy('x', 'PERMISSIVE'));
    expect(files.write('a.yaml', policy('x', 'STRIC'))).to.deep.equal(['findings a.yaml: bad-value last-good-kept']);
    expect(files.write('a.yaml', policy('x', 'DISABLE'))).to.deep.equal(['apply x DISABLE', 'findings a.yaml:']);
  });

  it('fails closed where there is no last good state', () => {
    const files = new Files();
    expect(files.write('a.yaml', policy('x', 'STRIC'))).to.deep.equal([
      'apply x STRICT',
      'findings a.yaml: bad-value fails-closed',
    ]);
    expect(files.write('a.yaml', policy('x', 'DISABLE'))).to.deep.equal(['apply x DISABLE', 'findings a.yaml:']);
  });

  it('drops nothing while a part of the file can not be read', () => {
    const files = new Files();
    files.write('a.yaml', policy('x', 'STRICT'), policy('z', 'STRICT'));
    expect(files.write('a.yaml', policy('x', 'DISABLE'), 'kind: [\n')).to.deep.equal([
      'apply x DISABLE',
      'findings a.yaml: bad-yaml last-good-kept',
    ]);
    expect(files.write('a.yaml', policy('x', 'DISABLE'))).to.deep.equal(['delete z', 'findings a.yaml:']);
  });

  it('drops nothing while a document has no name', () => {
    const files = new Files();
    files.write('a.yaml', policy('x', 'STRICT'));
    expect(files.write('a.yaml', policy('x', 'STRICT').replace('name: x, ', ''))).to.deep.equal([
      'findings a.yaml: missing-field last-good-kept',
    ]);
  });

  it('drops nothing of a file that can not be read at all', () => {
    const files = new Files();
    files.write('a.yaml', policy('x', 'STRICT'));
    expect(short(files.catalog.update([['a.yaml', unreadableFile('a.yaml', 'unreadable-file', 'no')]]))).to.deep.equal([
      'findings a.yaml: unreadable-file last-good-kept',
    ]);
    expect(files.catalog.objects).to.have.length(1);
  });

  it('lets the first file by path win, whatever came first, and the next one take over', () => {
    const files = new Files();
    expect(files.write('b.yaml', policy('x', 'DISABLE'))).to.deep.equal(['apply x DISABLE']);
    expect(files.write('a.yaml', policy('x', 'STRICT'))).to.deep.equal([
      'apply x STRICT',
      'findings b.yaml: duplicate-object',
    ]);
    expect(files.catalog.findings.map(({ message, hint }) => [message, hint])).to.deep.equal([
      ['the object is already defined at a.yaml:1: this one is not read', 'remove one of the two'],
    ]);
    expect(files.remove('a.yaml')).to.deep.equal(['apply x DISABLE', 'findings b.yaml:']);
  });

  it('lets no broken file drive out a good one, nor a good one drive out the last good state of a broken one', () => {
    const files = new Files();
    files.write('b.yaml', policy('x', 'DISABLE'));
    expect(files.write('a.yaml', policy('x', 'STRIC'))).to.deep.equal(['findings a.yaml: bad-value duplicate-object']);
    expect(files.write('a.yaml', policy('x', 'PERMISSIVE'))).to.deep.equal([
      'apply x PERMISSIVE',
      'findings a.yaml:',
      'findings b.yaml: duplicate-object',
    ]);
    expect(files.write('a.yaml', policy('x', 'STRIC'))).to.deep.equal(['findings a.yaml: bad-value last-good-kept']);
  });

  it('lets an object move out of a broken file', () => {
    const files = new Files();
    files.write('a.yaml', policy('x', 'STRICT'));
    files.write('a.yaml', 'kind: [\n');
    expect(files.write('b.yaml', policy('x', 'DISABLE'))).to.deep.equal([
      'apply x DISABLE',
      'findings a.yaml: bad-yaml',
    ]);
  });

  it('never brings back what a file that may be gone held, once another file has the object', () => {
    const files = new Files();
    files.write('a.yaml', policy('x', 'DISABLE'));
    const mayBeGone = keepMissing(readContent('a.yaml', ''), readContent('a.yaml', policy('x', 'DISABLE')));
    files.catalog.update([['a.yaml', mayBeGone]]);
    expect(files.write('b.yaml', policy('x', 'STRICT')).slice(0, 1)).to.deep.equal(['apply x STRICT']);
    const alsoGone = keepMissing(readContent('b.yaml', ''), readContent('b.yaml', policy('x', 'STRICT')));
    expect(short(files.catalog.update([['b.yaml', alsoGone]]))).to.deep.equal([]);
    expect(files.remove('b.yaml')[0]).to.equal('delete x');
  });

  it('lists unknown kinds once', () => {
    const files = new Files();
    const deployment = (name: string): string => `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\n`;
    files.write('a.yaml', deployment('x'), deployment('z'));
    files.write('b.yaml', deployment('w'));
    expect(files.catalog.unknown).to.deep.equal([{ apiVersion: 'apps/v1', kind: 'Deployment' }]);
  });
});
