import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { commands } from '../../../src/cli/commands.ts';
import { cli } from './run-cli.ts';

/** The flags that product.md and issue texts name for each command. */
const flags: Readonly<Record<string, readonly string[]>> = {
  serve: ['--config', '--mesh', '--state', '--xds', '--xds-insecure', '--admin', '--trust-domain', '--log-level'],
  bootstrap: [
    '--name',
    '--namespace',
    '--service-account',
    '--ip',
    '--label',
    '--xds',
    '--state',
    '--out',
    '--ttl',
    '--insecure',
  ],
  validate: ['-f, --file', '-o, --output'],
  translate: ['-f, --file', '--proxy', '--type', '--mesh', '-o, --output'],
  'proxy-status': ['--admin', '--envoy-admin', '--sandbox', '-o, --output'],
  version: ['-o, --output'],
};

const proxyConfigFlags = ['-f, --file', '--envoy-admin', '--sandbox', '-o, --output'];
const proxyConfigParts: Readonly<Record<string, readonly string[]>> = {
  listener: ['--port', '--name', '--direction'],
  route: ['--port', '--name'],
  cluster: ['--port', '--name', '--direction'],
  endpoint: ['--port', '--name'],
  secret: [],
  ecds: [],
  bootstrap: [],
  all: [],
};

describe('the command line', () => {
  it('lists every command', async () => {
    const { code, stdout } = await cli(['--help']);
    expect(code).to.equal(0);
    for (const { name, summary } of commands) {
      expect(stdout.replaceAll(/\s+/g, ' ')).to.include(name).and.include(summary);
    }
  });

  for (const [name, named] of Object.entries(flags)) {
    it(`${name} --help names its flags`, async () => {
      const { code, stdout } = await cli([name, '--help']);
      expect(code).to.equal(0);
      for (const flag of named) expect(stdout).to.include(flag);
      expect(await cli(['help', name])).to.deep.equal({ code: 0, stdout, stderr: '' });
    });
  }

  for (const [part, named] of Object.entries(proxyConfigParts)) {
    it(`proxy-config ${part} --help names its flags`, async () => {
      const { code, stdout } = await cli(['pc', part, '--help']);
      expect(code).to.equal(0);
      for (const flag of [...proxyConfigFlags, ...named]) expect(stdout).to.include(flag);
    });
  }

  it('says the same under an alias', async () => {
    expect((await cli(['ps', '--help'])).stdout).to.equal((await cli(['proxy-status', '--help'])).stdout);
    expect((await cli(['analyze', '--help'])).stdout).to.equal((await cli(['validate', '--help'])).stdout);
  });

  it('prints its version', async () => {
    for (const argv of [['version'], ['--version'], ['-V']]) {
      const { code, stdout } = await cli(argv);
      expect([code, stdout]).to.satisfy(
        () => code === 0 && /^coxswain \d+\.\d+\.\d+ \(node \d+\.\d+\.\d+\)\n$/.test(stdout),
      );
    }
    expect(JSON.parse((await cli(['version', '-o', 'json'])).stdout)).to.have.keys('version', 'node');
  });

  const wrong: readonly (readonly [argv: readonly string[], message: RegExp])[] = [
    [[], /Usage: coxswain/],
    [['serv'], /^coxswain: unknown command 'serv'\n\(Did you mean serve\?\)\n {2}hint: see `coxswain --help`\n$/],
    [['--nope'], /^coxswain: unknown option '--nope'/],
    [['version', '-o', 'xml'], /^coxswain: option '-o, --output <format>' argument 'xml' is invalid/],
    [['version', '--nope'], /^coxswain: unknown option '--nope'\n {2}hint: see `coxswain version --help`\n$/],
    [['validate'], /^coxswain: nothing to check\n {2}hint: name files or directories/],
    [['translate', '-f', 'x.yaml'], /^coxswain: required option '--proxy <pod\.namespace>' not specified/],
    [
      ['translate', '-f', 'x.yaml', '--proxy', 'a.b', '--type', 'xds'],
      /Allowed choices are cds, eds, lds, rds, vhds, ecds, all/,
    ],
    [['serve'], /^coxswain: no configuration given\n {2}hint: name a directory \(--config DIR/],
    [
      ['serve', '--config', '/tmp', '--xds-insecure', '0.0.0.0:15010'],
      /^coxswain: --xds-insecure: 0\.0\.0\.0 is not a loopback address/,
    ],
    [['bootstrap', '--name', 'A_B'], /argument 'A_B' is invalid/],
    [['pc', 'listener'], /^coxswain: which proxy\?/],
    [['pc', 'nothing'], /^coxswain: unknown command 'nothing'/],
    [['pc', 'listener', '-f', 'x', '--envoy-admin', 'y:1'], /cannot be used with option/],
    [
      ['pc', 'listener', '--envoy-admin', 'ftp://x:1'],
      /^coxswain: --envoy-admin: "ftp:\/\/x:1" is no address of an admin server/,
    ],
  ];
  for (const [argv, message] of wrong) {
    it(`ends with 2: coxswain ${argv.join(' ')}`, async () => {
      const { code, stdout, stderr } = await cli(argv);
      expect([code, stdout]).to.deep.equal([2, '']);
      expect(stderr)
        .to.match(message)
        .and.not.match(/\n {4}at /);
    });
  }

  it('ends with 1 if what was asked for failed, and shows a stack only with COXSWAIN_DEBUG', async () => {
    const argv = ['validate', '-f', '/does/not/exist'];
    expect(await cli(argv)).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: 'coxswain: no such file or directory: /does/not/exist\n',
    });
    const { stderr } = await cli(argv, { env: { COXSWAIN_DEBUG: '1' } });
    expect(stderr)
      .to.match(/^coxswain: no such file or directory: \/does\/not\/exist\n/)
      .and.match(/\n {4}at /);
  });

  it('ends without words on Ctrl-C', async () => {
    const stopped = AbortSignal.abort();
    expect(await cli(['ps', '--admin', '127.0.0.1:1'], { signal: stopped })).to.deep.equal({
      code: 130,
      stdout: '',
      stderr: '',
    });
  });
});

describe('the process', () => {
  const main = new URL('../../../src/main.ts', import.meta.url).pathname;

  it('answers --help in at most three times the start of an empty program', async function () {
    this.timeout(20_000);
    const empty = ['--input-type=module-typescript', '--eval', 'const x: number = 1; export { x };'];
    const ratios: number[] = [];
    for (let round = 0; round < 5; round++) {
      const base = await timeOf(empty);
      ratios.push((await timeOf([main, '--help'])) / base);
    }
    // The best of five: other work on the machine only ever adds.
    expect(Math.min(...ratios)).to.be.below(3);
  });

  it('ends quietly when its reader goes away', async () => {
    const child = spawn('/bin/sh', ['-c', `"$0" "$1" --help | head -1; exit 0`, process.execPath, main], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdout.resume();
    await once(child, 'close');
    expect(stderr).to.equal('');
  });
});

async function timeOf(argv: readonly string[]): Promise<number> {
  const begin = performance.now();
  const child = spawn(process.execPath, argv, { stdio: 'ignore' });
  const [code] = await once(child, 'close');
  expect(code).to.equal(0);
  return performance.now() - begin;
}
