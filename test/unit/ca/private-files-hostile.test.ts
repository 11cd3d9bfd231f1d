import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { readPrivateFile } from '../../../src/ca/private-files.ts';
import { failure, temporaryDirectory } from './helpers.ts';

describe('ca/private-files, with files that somebody else put there', () => {
  it('refuses a key of another user, who knows it, and one in a directory of another user, who can replace it', async function () {
    if (process.geteuid?.() !== 0) return this.skip(); // only root can give a file away
    await using directory = await temporaryDirectory();
    const path = join(directory.path, 'key.pem');
    await writeFile(path, 'key', { mode: 0o600 });
    expect(await readPrivateFile(path)).to.equal('key');
    await chown(path, 4242, 4242);
    expect((await failure(() => readPrivateFile(path))).message).to.equal(
      `${path} belongs to user 4242, who may know or replace the private key`,
    );
    await chown(path, 0, 0);
    await chown(directory.path, 4242, 4242);
    expect((await failure(() => readPrivateFile(path))).message).to.equal(
      `${directory.path} belongs to user 4242, who may know or replace the private key`,
    );
  });
});
