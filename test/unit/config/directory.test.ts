import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { directorySource } from '../../../src/config/directory.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { Follower, peerAuthenticationText as policy, TempDirectory } from '../../support/config-directory.ts';

describe('directory source', () => {
  it('starts with one batch: everything, findings, synced', async () => {
    using directory = new TempDirectory();
    directory.write('b.yaml', policy('b', 'STRICT'));
    directory.write('sub/deep/a.yml', policy('a', 'STRIC'));
    directory.write('c.json', '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "foo"}}');
    directory.write('.hidden.yaml', policy('hidden', 'STRICT'));
    directory.write('.git/x.yaml', policy('git', 'STRICT'));
    directory.write('note.txt', 'no manifest');
    await using follower = new Follower(directory.path);
    await follower.until(() => follower.synced);
    expect(follower.batches.map((batch) => batch.map((event) => event.type))).to.deep.equal([
      ['reset', 'findings', 'synced'],
    ]);
    expect([...follower.objects.keys()]).to.deep.equal([
      'Namespace//foo',
      'PeerAuthentication/foo/a',
      'PeerAuthentication/foo/b',
    ]);
    expect([...follower.findings.keys()]).to.deep.equal([directory.at('sub/deep/a.yml')]);
    expect(follower.objects.get('PeerAuthentication/foo/b')?.meta.origin).to.deep.equal({
      kind: 'file',
      path: directory.at('b.yaml'),
      line: 1,
    });
  });

  it('refuses to start on a directory that is not there', async () => {
    using directory = new TempDirectory();
    const events = directorySource(directory.at('none')).events(new AbortController().signal);
    const failure: unknown = await events[Symbol.asyncIterator]()
      .next()
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(failure).to.be.instanceOf(MeshError);
    expect(MeshError.from(failure)).to.include({
      code: 'not-found',
      message: `no such directory: ${directory.at('none')}`,
    });
  });

  it('ends when its signal aborts, and when it is disposed', async () => {
    using directory = new TempDirectory();
    for (const end of ['signal', 'dispose']) {
      const controller = new AbortController();
      const source = directorySource(directory.path);
      const iterator = source.events(controller.signal)[Symbol.asyncIterator]();
      await iterator.next();
      const next = iterator.next();
      if (end === 'signal') controller.abort();
      else await source[Symbol.asyncDispose]();
      expect(await next).to.deep.equal({ value: undefined, done: true });
    }
  });

  it('takes new files, edits in place, atomic renames and removals', async () => {
    using directory = new TempDirectory();
    await using follower = new Follower(directory.path);
    await follower.until(() => follower.synced);
    directory.write('a.yaml', policy('a', 'STRICT'));
    await follower.until(() => follower.modes['a'] === 'STRICT');
    directory.write('a.yaml', policy('a', 'DISABLE'));
    await follower.until(() => follower.modes['a'] === 'DISABLE');
    directory.write('.a.yaml.tmp', policy('a', 'PERMISSIVE'));
    renameSync(directory.at('.a.yaml.tmp'), directory.at('a.yaml'));
    await follower.until(() => follower.modes['a'] === 'PERMISSIVE');
    unlinkSync(directory.at('a.yaml'));
    await follower.until(() => follower.objects.size === 0);
  });

  it('brings all changes of one apply in one batch', async () => {
    using directory = new TempDirectory();
    await using follower = new Follower(directory.path, { debounceMs: 20 });
    await follower.until(() => follower.synced);
    for (let index = 0; index < 20; index++) directory.write(`${index}.yaml`, policy(`p${index}`, 'STRICT'));
    await follower.until(() => follower.objects.size === 20);
    expect(follower.batches.slice(1).map((batch) => batch.length)).to.deep.equal([20]);
  });

  it('keeps the last good state of a broken file, until it is mended', async () => {
    using directory = new TempDirectory();
    directory.write('a.yaml', `${policy('a', 'DISABLE')}---\n${policy('b', 'DISABLE')}`);
    await using follower = new Follower(directory.path);
    await follower.until(() => follower.synced);
    directory.write('a.yaml', `${policy('a', 'STRIC')}---\nkind: [\n`);
    await follower.until(() => follower.findings.size > 0);
    expect(follower.modes).to.deep.equal({ a: 'DISABLE', b: 'DISABLE' });
    expect(follower.codes).to.deep.equal(['bad-value', 'bad-yaml', 'last-good-kept', 'last-good-kept']);
    directory.write('a.yaml', policy('a', 'STRICT'));
    await follower.until(() => follower.modes['b'] === undefined);
    expect(follower.modes).to.deep.equal({ a: 'STRICT' });
    expect(follower.codes).to.deep.equal([]);
  });

  it('never lets go of a policy while an editor truncates and writes', async () => {
    using directory = new TempDirectory();
    directory.write('a.yaml', policy('a', 'STRICT'));
    await using follower = new Follower(directory.path, { debounceMs: 0, settleMs: 200 });
    await follower.until(() => follower.synced);
    directory.write('a.yaml', '');
    directory.write('other.yaml', policy('o', 'STRICT'));
    await follower.until(() => follower.modes['o'] === 'STRICT');
    directory.write('a.yaml', policy('a', 'PERMISSIVE'));
    await follower.until(() => follower.modes['a'] === 'PERMISSIVE');
    const deletions = follower.batches.flat().filter((event) => event.type === 'delete');
    expect(deletions).to.deep.equal([]);
  });

  it('believes that a file is empty, or an object gone from it, when it stays so', async () => {
    using directory = new TempDirectory();
    directory.write('a.yaml', `${policy('a', 'STRICT')}---\n${policy('b', 'STRICT')}`);
    await using follower = new Follower(directory.path);
    await follower.until(() => follower.synced);
    directory.write('a.yaml', policy('a', 'STRICT'));
    await follower.until(() => follower.modes['b'] === undefined);
    directory.write('a.yaml', '');
    await follower.until(() => follower.objects.size === 0);
    directory.write('a.yaml', `${policy('a', 'STRICT')}---\n${policy('b', 'STRICT')}`);
    await follower.until(() => follower.objects.size === 2);
  });

  it('follows an object from file to file without a gap', async () => {
    using directory = new TempDirectory();
    directory.write('a.yaml', policy('a', 'STRICT'));
    await using follower = new Follower(directory.path);
    await follower.until(() => follower.synced);
    renameSync(directory.at('a.yaml'), directory.at('z.yaml'));
    const isMoved = (): boolean => {
      const origin = follower.objects.get('PeerAuthentication/foo/a')?.meta.origin;
      return origin?.kind === 'file' && origin.path === directory.at('z.yaml');
    };
    await follower.until(isMoved);
    expect(follower.batches.flat().filter((event) => event.type === 'delete')).to.deep.equal([]);
    expect(follower.codes).to.deep.equal([]);
  });

  it('lets the first file win, and the second take over', async () => {
    using directory = new TempDirectory();
    directory.write('a.yaml', policy('x', 'STRICT'));
    directory.write('b.yaml', policy('x', 'DISABLE'));
    await using follower = new Follower(directory.path);
    await follower.until(() => follower.synced);
    expect([follower.modes, follower.codes]).to.deep.equal([{ x: 'STRICT' }, ['duplicate-object']]);
    unlinkSync(directory.at('a.yaml'));
    await follower.until(() => follower.modes['x'] === 'DISABLE');
    await follower.until(() => follower.codes.length === 0);
  });

  it('sees folders that are made, filled, removed and made again', async () => {
    using directory = new TempDirectory();
    await using follower = new Follower(directory.path);
    await follower.until(() => follower.synced);
    for (const mode of ['STRICT', 'DISABLE']) {
      directory.write('sub/deeper/a.yaml', policy('a', mode));
      await follower.until(() => follower.modes['a'] === mode);
      directory.write('sub/deeper/b.yaml', policy('b', mode));
      await follower.until(() => follower.modes['b'] === mode);
      rmSync(directory.at('sub'), { recursive: true });
      await follower.until(() => follower.objects.size === 0);
    }
  });

  it('follows the link swaps of a mounted ConfigMap', async () => {
    using directory = new TempDirectory();
    const publish = (version: string, files: Readonly<Record<string, string>>): void => {
      for (const [name, text] of Object.entries(files)) directory.write(`${version}/${name}`, text);
      symlinkSync(version, directory.at('..data_tmp'));
      renameSync(directory.at('..data_tmp'), directory.at('..data'));
    };
    publish('..v1', { 'a.yaml': policy('a', 'STRICT'), 'b.yaml': policy('b', 'STRICT') });
    for (const name of ['a.yaml', 'b.yaml']) symlinkSync(`..data/${name}`, directory.at(name));
    await using follower = new Follower(directory.path);
    await follower.until(() => follower.synced);
    expect(follower.modes).to.deep.equal({ a: 'STRICT', b: 'STRICT' });
    publish('..v2', { 'a.yaml': policy('a', 'DISABLE'), 'b.yaml': policy('b', 'DISABLE') });
    rmSync(directory.at('..v1'), { recursive: true });
    await follower.until(() => follower.modes['a'] === 'DISABLE');
    expect(follower.modes).to.deep.equal({ a: 'DISABLE', b: 'DISABLE' });
  });

  it('follows a root that is a link, and is switched', async () => {
    using directory = new TempDirectory();
    directory.write('one/a.yaml', policy('a', 'STRICT'));
    directory.write('two/a.yaml', policy('a', 'DISABLE'));
    symlinkSync('one', directory.at('current'));
    await using follower = new Follower(directory.at('current'));
    await follower.until(() => follower.synced);
    symlinkSync('two', directory.at('next'));
    renameSync(directory.at('next'), directory.at('current'));
    await follower.until(() => follower.modes['a'] === 'DISABLE');
    writeFileSync(directory.at('two/a.yaml'), policy('a', 'PERMISSIVE'));
    await follower.until(() => follower.modes['a'] === 'PERMISSIVE');
  });

  it('keeps everything while the whole directory is gone', async () => {
    using directory = new TempDirectory();
    directory.write('conf/a.yaml', policy('a', 'STRICT'));
    await using follower = new Follower(directory.at('conf'));
    await follower.until(() => follower.synced);
    rmSync(directory.at('conf'), { recursive: true });
    await follower.until(() => follower.codes.includes('directory-missing'));
    expect(follower.modes).to.deep.equal({ a: 'STRICT' });
    directory.write('conf/a.yaml', policy('a', 'DISABLE'));
    await follower.until(() => follower.modes['a'] === 'DISABLE');
    await follower.until(() => follower.codes.length === 0);
    writeFileSync(directory.at('conf/a.yaml'), policy('a', 'PERMISSIVE'));
    await follower.until(() => follower.modes['a'] === 'PERMISSIVE');
  });

  it('finds by reading again what no watch reports', async () => {
    using directory = new TempDirectory();
    using outside = new TempDirectory();
    outside.write('a.yaml', policy('a', 'STRICT'));
    symlinkSync(outside.at('a.yaml'), directory.at('a.yaml'));
    await using follower = new Follower(directory.path, { rereadMs: 30 });
    await follower.until(() => follower.synced);
    outside.write('a.yaml', policy('a', 'DISABLE'));
    await follower.until(() => follower.modes['a'] === 'DISABLE');
  });

  it('keeps what a file that can not be read any more has said', async () => {
    using directory = new TempDirectory();
    directory.write('a.yaml', policy('a', 'STRICT'));
    directory.write('b.yaml', policy('b', 'STRICT'));
    await using follower = new Follower(directory.path);
    await follower.until(() => follower.synced);
    unlinkSync(directory.at('a.yaml'));
    symlinkSync('a.yaml', directory.at('a.yaml'));
    writeFileSync(directory.at('b.yaml'), Buffer.from([0x61, 0xff, 0xfe]));
    await follower.until(() => follower.findings.size === 2);
    expect(follower.modes).to.deep.equal({ a: 'STRICT', b: 'STRICT' });
    expect(follower.codes).to.deep.equal(['unreadable-file', 'last-good-kept', 'not-utf8', 'last-good-kept']);
  });

  it('lists the kinds that it does not read', async () => {
    using directory = new TempDirectory();
    mkdirSync(directory.at('empty'));
    directory.write('a.yaml', 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n');
    await using source = directorySource(directory.path);
    await source.events(new AbortController().signal)[Symbol.asyncIterator]().next();
    expect(source.unknown).to.deep.equal([{ apiVersion: 'apps/v1', kind: 'Deployment' }]);
  });
});
