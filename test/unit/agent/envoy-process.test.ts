import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findEnvoy } from '../../../src/agent/envoy-binary.ts';
import { type EnvoyOptions, envoyCommand, startEnvoy } from '../../../src/agent/envoy-process.ts';
import { FakeClock, systemClock } from '../../../src/lib/clock.ts';
import { failure } from '../ca/helpers.ts';

async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), 'coxswain-envoy-'));
  return {
    path,
    /** Writes a shell script that stands for Envoy. */
    async script(name: string, ...lines: readonly string[]): Promise<string> {
      const file = join(path, name);
      await mkdir(join(file, '..'), { recursive: true });
      await writeFile(file, ['#!/bin/sh', ...lines, ''].join('\n'));
      await chmod(file, 0o755);
      return file;
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

const options = (binary: string): EnvoyOptions => ({
  binary,
  bootstrapFile: '/run/p/envoy.json',
  logLevel: 'warning',
  concurrency: 1,
  drainSeconds: 1,
});

/** Waits until a file is there; the test's own time limit ends it otherwise. */
async function untilWritten(path: string): Promise<string> {
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return text;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('agent/envoy-process', () => {
  it('runs Envoy without hot restart, and with a drain that is short and immediate', () => {
    expect(envoyCommand({ ...options('/opt/envoy'), logFile: '/run/p/log' })).to.deep.equal([
      '/opt/envoy',
      '--config-path',
      '/run/p/envoy.json',
      '--disable-hot-restart',
      '--concurrency',
      '1',
      '--drain-time-s',
      '1',
      '--drain-strategy',
      'immediate',
      '--file-flush-interval-msec',
      '1000',
      '--log-level',
      'warning',
      '--log-format',
      '%Y-%m-%dT%T.%fZ %l %n %v',
      '--log-path',
      '/run/p/log',
    ]);
  });

  it('runs it through another command on request', () => {
    const command = envoyCommand({ ...options('/opt/envoy'), wrapper: ['nsenter', '--net=/run/netns/p', '--'] });
    expect(command.slice(0, 5)).to.deep.equal(['nsenter', '--net=/run/netns/p', '--', '/opt/envoy', '--config-path']);
  });

  it('gives it PATH and nothing else of our environment', async () => {
    await using directory = await temporaryDirectory();
    const out = join(directory.path, 'out');
    const binary = await directory.script('envoy', `env | cut -d= -f1 | grep -vE '^(PWD|SHLVL|_|OLDPWD)$' > ${out}`);
    process.env['COXSWAIN_TEST_SECRET'] = 'x';
    try {
      await using envoy = await startEnvoy(options(binary), systemClock);
      expect(await envoy.exited).to.deep.equal({ kind: 'code', code: 0 });
    } finally {
      delete process.env['COXSWAIN_TEST_SECRET'];
    }
    expect(await readFile(out, 'utf8')).to.equal('PATH\n');
  });

  it('tells how it ended', async () => {
    await using directory = await temporaryDirectory();
    const binary = await directory.script('envoy', 'exit 3');
    await using envoy = await startEnvoy(options(binary), systemClock);
    expect(await envoy.exited).to.deep.equal({ kind: 'code', code: 3 });
    expect(await envoy.stop()).to.deep.equal({ kind: 'code', code: 3 });
  });

  it('asks it to end', async () => {
    await using directory = await temporaryDirectory();
    const ready = join(directory.path, 'ready');
    const binary = await directory.script(
      'envoy',
      "trap 'exit 7' TERM",
      `echo $$ > ${ready}`,
      'while :; do sleep 0.01; done',
    );
    await using envoy = await startEnvoy(options(binary), systemClock);
    expect(await untilWritten(ready)).to.equal(`${envoy.pid}\n`);
    expect(await envoy.stop()).to.deep.equal({ kind: 'code', code: 7 });
  });

  it('makes it end when asking does not help', async () => {
    await using directory = await temporaryDirectory();
    const ready = join(directory.path, 'ready');
    const binary = await directory.script(
      'envoy',
      "trap '' TERM",
      `echo $$ > ${ready}`,
      'while :; do sleep 0.01; done',
    );
    const clock = new FakeClock();
    await using envoy = await startEnvoy(options(binary), clock);
    await untilWritten(ready);
    const stopped = envoy.stop(5000);
    clock.advance(5000);
    expect(await stopped).to.deep.equal({ kind: 'signal', signal: 'SIGKILL' });
  });

  it('says which program is missing', async () => {
    const error = await failure(() => startEnvoy(options('/nowhere/envoy'), systemClock));
    expect([error.code, error.message]).to.deep.equal(['missing-tool', '/nowhere/envoy is not installed']);
  });

  it('says what else keeps it from starting', async () => {
    await using directory = await temporaryDirectory();
    await writeFile(join(directory.path, 'envoy'), '', { mode: 0o644 });
    const error = await failure(() => startEnvoy(options(join(directory.path, 'envoy')), systemClock));
    expect([error.code, error.message]).to.deep.equal(['unavailable', `spawn ${directory.path}/envoy EACCES`]);
  });
});

describe('agent/envoy-binary', () => {
  it('prefers what COXSWAIN_ENVOY names, then the newest fetched one, then PATH', async () => {
    await using directory = await temporaryDirectory();
    const named = await directory.script('mine');
    const old = await directory.script('.tools/envoy-1.9.2/envoy');
    const newest = await directory.script('.tools/envoy-1.40.0/envoy');
    await directory.script('.tools/envoy-broken/envoy');
    const onPath = await directory.script('bin/envoy');
    const env = { PATH: `/nowhere:${join(directory.path, 'bin')}` };
    const home = directory.path;
    expect(await findEnvoy({ env: { ...env, COXSWAIN_ENVOY: named }, home })).to.equal(named);
    expect(await findEnvoy({ env: { ...env, COXSWAIN_ENVOY: '' }, home })).to.equal(newest);
    await chmod(newest, 0o644);
    expect(await findEnvoy({ env, home })).to.equal(old);
    expect(await findEnvoy({ env, home: join(directory.path, 'elsewhere') })).to.equal(onPath);
  });

  it('does not fall back from a COXSWAIN_ENVOY that can not be run', async () => {
    const error = await failure(() => findEnvoy({ env: { COXSWAIN_ENVOY: '/nowhere/envoy' }, home: '/' }));
    expect([error.code, error.message]).to.deep.equal([
      'missing-tool',
      "COXSWAIN_ENVOY names /nowhere/envoy, which can't be run",
    ]);
  });

  it('says how to get one where there is none', async () => {
    await using directory = await temporaryDirectory();
    const error = await failure(() => findEnvoy({ env: {}, home: directory.path }));
    expect([error.code, error.message, error.hint]).to.deep.equal([
      'missing-tool',
      'envoy is not installed',
      'make setup fetches it; COXSWAIN_ENVOY or PATH may name another one',
    ]);
  });
});
