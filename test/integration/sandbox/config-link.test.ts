import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { walkTree } from '../../../src/config/tree.ts';

describe("a sandbox's configuration, seen from outside", () => {
  it('can be walked through a link into another mount namespace, which has no real path here', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'coxswain-link-'));
    const config = join(dir, 'config');
    const script =
      'mount -t tmpfs none "$1" && mkdir -p "$1/config/below" && : > "$1/config/below/a.yaml" && echo made && exec cat';
    const inside = spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', dir], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(inside.stdout, 'data');
      // The link has the name of what it points to, as in a sandbox's run directory: `realpath` would go round for ever.
      await symlink(`/proc/${inside.pid}/root${config}`, config);
      expect(await readlink(config)).to.contain('/proc/');
      const tree = await walkTree(config, () => undefined);
      expect(tree.files.map(({ path }) => path)).to.deep.equal([join(config, 'below/a.yaml')]);
    } finally {
      const ended = once(inside, 'exit');
      inside.kill('SIGKILL');
      await ended;
      await rm(dir, { recursive: true, force: true });
    }
  });
});
