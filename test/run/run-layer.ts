import { fork, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandLayer, Layer, MochaLayer } from './layers.ts';
import { add, failure, NOTHING, type Result, readCommand } from './result.ts';

/** How long a process may go on after its last test: what keeps it alive then is a leak. */
const LINGER_MS = 10_000;

/** Runs a layer to its end, whatever happens inside; undefined where the layer has not been written yet. */
export async function runLayer(layer: Layer, grep?: string): Promise<Result | undefined> {
  const needs = layer.kind === 'mocha' ? layer.folder : layer.needs;
  if (needs !== undefined && !existsSync(needs)) {
    return undefined;
  }
  return layer.kind === 'mocha' ? await runMocha(layer, grep) : await runCommand(layer);
}

function runCommand(layer: CommandLayer): Promise<Result> {
  const [program = '', ...args] = layer.command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), layer.minutes * 60_000);
  let output = '';
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
    if (layer.live === true) {
      process.stdout.write(chunk);
    }
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  return new Promise((done) => {
    child.on('error', (error) => done(failure(error.message)));
    child.on('close', (code) => {
      clearTimeout(timer);
      const result = readCommand(output, code);
      if (result.failed > 0 && layer.live !== true) {
        process.stdout.write(output);
      }
      done(result);
    });
  });
}

function runMocha(layer: MochaLayer, grep: string | undefined): Promise<Result> {
  const args = [layer.name, ...(grep === undefined ? [] : [grep])];
  const child = fork(join(import.meta.dirname, 'mocha-layer.ts'), args, {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, ...layer.env },
  });
  let killedBecause: string | undefined;
  const killAfter = (milliseconds: number, because: string): NodeJS.Timeout =>
    setTimeout(() => {
      killedBecause = because;
      child.kill('SIGKILL');
    }, milliseconds);
  let timer = killAfter(layer.minutes * 60_000, `not done after ${layer.minutes} minutes`);
  let result: Result | undefined;
  child.on('message', (message) => {
    result = message as Result;
    clearTimeout(timer);
    timer = killAfter(LINGER_MS, 'a test left something running: the process did not end by itself');
  });
  return new Promise((done) => {
    child.on('error', (error) => done(failure(error.message)));
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      done(judge(result, killedBecause, code, signal));
    });
  });
}

function judge(
  result: Result | undefined,
  killedBecause: string | undefined,
  code: number | null,
  signal: string | null,
): Result {
  if (killedBecause !== undefined) {
    return add(result ?? NOTHING, failure(killedBecause));
  }
  if (result === undefined) {
    return failure(`the test process ended early (${signal ?? `exit code ${code}`})`);
  }
  if (code !== 0) {
    return add(result, failure(`the test process failed after its last test (${signal ?? `exit code ${code}`})`));
  }
  return result.passed + result.failed + result.pending === 0 ? add(result, failure('it ran nothing')) : result;
}
