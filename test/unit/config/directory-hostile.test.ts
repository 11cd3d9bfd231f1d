import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { readContent } from '../../../src/config/file-content.ts';
import { Follower, peerAuthenticationText as policy, TempDirectory } from '../../support/config-directory.ts';

describe('directory source, with what does not belong there', () => {
  it('takes no pipe, socket or device for a manifest, and is not held up by one', async () => {
    using directory = new TempDirectory();
    directory.write('a.yaml', policy('a', 'STRICT'));
    await using follower = new Follower(directory.path);
    await follower.until(() => follower.synced);
    execFileSync('mkfifo', [directory.at('pipe.yaml')]);
    const socket = createServer().listen(directory.at('socket.yaml'));
    await once(socket, 'listening');
    symlinkSync('/dev/zero', directory.at('zero.yaml'));
    symlinkSync('/dev/stdin', directory.at('stdin.yaml'));
    directory.write('b.yaml', policy('b', 'STRICT'));
    await follower.until(() => follower.objects.has('PeerAuthentication/foo/b'));
    socket.close();
    expect([...follower.findings.keys()]).to.deep.equal([]);
  });

  it('lets go of a file in whose place a pipe is', async () => {
    using directory = new TempDirectory();
    directory.write('a.yaml', policy('a', 'STRICT'));
    await using follower = new Follower(directory.path);
    await follower.until(() => follower.synced);
    execFileSync('mkfifo', [directory.at('pipe')]);
    renameSync(directory.at('pipe'), directory.at('a.yaml'));
    await follower.until(() => !follower.objects.has('PeerAuthentication/foo/a'));
  });

  it('finds the lines of very many mistakes in time that grows with them, and not with their square', function () {
    this.timeout(8_000); // 1 s; with the square of them it was a minute
    const head = 'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: a}\nspec:\n';
    const keys = Array.from({ length: 40_000 }, (_, index) => `  k${index}: 1\n`).join('');
    const lines = readContent('a.yaml', head + keys).findings.flatMap(({ code, origin }) =>
      code === 'unknown-field' && origin.kind === 'file' ? [origin.line] : [],
    );
    expect(lines).to.deep.equal(Array.from({ length: 40_000 }, (_, index) => 5 + index));
  });
});
