import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { type CommandResult, runChecked, runCommand } from '../../../src/sandbox/run-command.ts';

const setup = join(import.meta.dirname, '../../../scripts/setup');
const command = 'apt-get install --yes --no-install-recommends';
/** What the scripts themselves use. */
const tools = ['bash', 'dirname', 'sort', 'cat', 'mktemp', 'rm'];

describe('scripts/setup/packages.sh', () => {
  let stack: AsyncDisposableStack;
  let bin: string;

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    bin = await mkdtemp(join(tmpdir(), 'coxswain-packages-'));
    stack.defer(() => rm(bin, { recursive: true, force: true }));
    const paths = (await runChecked(['bash', '-c', 'type -P "$@"', 'bash', ...tools])).trim().split('\n');
    for (const path of paths) await symlink(path, join(bin, basename(path)));
  });
  afterEach(() => stack.disposeAsync());

  const program = async (name: string, script: string): Promise<void> => {
    await writeFile(join(bin, name), `#!/bin/bash\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  };
  /** Whose machine it is: `user` asks, and `apt` is what apt-get does, if there is one. */
  const machine = async (user: number, apt?: string): Promise<void> => {
    await program('id', `echo ${user}`);
    if (apt !== undefined) await program('apt-get', apt);
  };
  const run = (script: string, ...args: readonly string[]): Promise<CommandResult> =>
    runCommand([join(bin, 'bash'), join(setup, script), ...args], { env: { PATH: bin } });

  const pairs = ['no-such-b:b-tools', 'no-such-a:a-tools', 'no-such-c:b-tools', 'sort:coreutils'];
  const missing = {
    code: 1,
    stdout: '',
    stderr:
      'setup: lab: these system packages are missing: a-tools b-tools\n' +
      `setup: run as root: ${command} a-tools b-tools (or their like on another system), then try again.\n`,
  };

  it('says what to install where it is not root', async () => {
    await machine(1000, 'echo called >&2; exit 9');
    expect(await run('packages.sh', 'lab', ...pairs)).to.deep.equal(missing);
  });

  it('says what to install where there is no apt', async () => {
    await machine(0);
    expect(await run('packages.sh', 'lab', ...pairs)).to.deep.equal(missing);
  });

  it('shows what apt said where that failed', async () => {
    await machine(0, 'echo "E: $1 is broken"; exit 100');
    expect(await run('packages.sh', 'lab', ...pairs)).to.deep.equal({
      code: 1,
      stdout: 'setup: lab: system packages a-tools b-tools\n',
      stderr: 'E: update is broken\nsetup: could not install a-tools b-tools\n',
    });
  });

  it('is silent where nothing is missing, whoever asks', async () => {
    await machine(1000);
    expect(await run('packages.sh', 'lab', 'sort:coreutils')).to.deep.equal({ code: 0, stdout: '', stderr: '' });
  });

  it('knows what the browser needs', async () => {
    await machine(1000);
    const { code, stderr } = await run('browser.sh');
    expect([code, stderr.split('\n')[0]]).to.deep.equal([
      1,
      'setup: browser: these system packages are missing: chromium libnss3-tools openssl util-linux',
    ]);
  });
});
