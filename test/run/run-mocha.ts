import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { MochaLayer } from './layers.ts';
import { add, failure, NOTHING, type Result } from './result.ts';
import { filesIn, findTestFiles } from './test-files.ts';

/** How long a process may go on after its last test: what keeps it alive then is a leak. */
const LINGER_MS = 10_000;

/** How long its last words may take: what it started, and left behind, may keep them open. */
const FLUSH_MS = 1_000;

/** Runs a layer of mocha tests: all files in one process, or several files at a time, each in a process of its own. */
export async function runMocha(layer: MochaLayer, grep: string | undefined): Promise<Result> {
  const run = layer.atOnce === undefined ? inOneProcess : inManyProcesses;
  const result = await run(layer, grep);
  return result.passed + result.failed + result.pending === 0 ? add(result, failure('it ran nothing')) : result;
}

async function inOneProcess(layer: MochaLayer, grep: string | undefined): Promise<Result> {
  return await runProcess(layer, filesIn(layer.folder, findTestFiles()), grep, (chunk) => process.stdout.write(chunk));
}

/** The files that take longest begin, so that none is left alone at the end. What a file printed is shown where it failed. */
async function inManyProcesses(layer: MochaLayer, grep: string | undefined): Promise<Result> {
  const files = filesIn(layer.folder, findTestFiles());
  const isLong = (file: string): boolean => layer.longest.some((name) => file.endsWith(`/${name}.test.ts`));
  const queue = [...files.filter(isLong), ...files.filter((file) => !isLong(file))];
  let sum = NOTHING;
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const start = performance.now();
      let output = '';
      const result = await runProcess(layer, [file], grep, (chunk) => {
        output += chunk;
      });
      sum = add(sum, result);
      if (result.failed > 0) console.log(output.trimEnd());
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      const verdict = result.failed > 0 ? `FAILED: ${result.failed} of` : 'ok:';
      console.log(`   ${file} ${verdict} ${result.passed + result.failed} in ${seconds} s`);
    }
  };
  await Promise.all(Array.from({ length: layer.atOnce ?? 1 }, work));
  return sum;
}

function runProcess(
  layer: MochaLayer,
  files: readonly string[],
  grep: string | undefined,
  show: (output: string) => void,
): Promise<Result> {
  const child = fork(join(import.meta.dirname, 'mocha-layer.ts'), [layer.name, grep ?? '', ...files], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, ...layer.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  child.stdout?.setEncoding('utf8').on('data', show);
  child.stderr?.setEncoding('utf8').on('data', show);
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
      const end = (): void => done(judge(result, killedBecause, code, signal));
      child.once('close', end);
      setTimeout(end, FLUSH_MS).unref();
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
  return result;
}
