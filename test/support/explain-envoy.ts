import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** One Envoy under test. */
export interface TestedEnvoy {
  readonly version: string;
  readonly binary: string;
}

/** The newest and the oldest one; or that which ENVOY names, alone. */
export const testedEnvoys: readonly TestedEnvoy[] =
  process.env['ENVOY'] === undefined
    ? ['1.40.0', '1.36.2'].map((version) => ({ version, binary: installed(version) }))
    : [{ version: /(\d+\.\d+\.\d+)/.exec(process.env['ENVOY'])?.[1] ?? '', binary: process.env['ENVOY'] }];

function installed(version: string): string {
  return resolve(import.meta.dirname, `../../.tools/envoy-${version}/envoy`);
}

/** An Envoy that runs a static configuration, and its log. */
export interface ExplainEnvoy extends AsyncDisposable {
  /** Reads the log once it has so many lines. */
  lines(count: number): Promise<readonly string[]>;
}

/** Path of the log in a configuration that {@link startEnvoy} is given. */
export const logPath = '/log-of-this-envoy';

/** Starts Envoy, and waits until it listens everywhere. */
export async function startEnvoy(
  { binary }: TestedEnvoy,
  bootstrap: object,
  listens: readonly (readonly [host: string, port: number])[],
): Promise<ExplainEnvoy> {
  const folder = await mkdtemp(join(tmpdir(), 'coxswain-explain-'));
  const file = join(folder, 'envoy.json');
  const log = join(folder, 'access.log');
  await writeFile(file, JSON.stringify(bootstrap).replaceAll(logPath, log), { mode: 0o600 });
  await writeFile(log, '');
  const flags = [
    '--disable-hot-restart',
    '--concurrency',
    '1',
    '--log-level',
    'error',
    '--file-flush-interval-msec',
    '50',
  ];
  const envoy = spawn(binary, ['-c', file, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  envoy.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const stop = async () => {
    if (envoy.exitCode === null && envoy.signalCode === null) {
      const exited = once(envoy, 'exit');
      envoy.kill('SIGKILL');
      await exited;
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(listens.map(([host, port]) => listening(envoy, host, port)));
  } catch (error) {
    await stop();
    throw new Error(`envoy did not start: ${said.slice(0, 2000)}`, { cause: error });
  }
  return {
    async lines(count) {
      const deadline = AbortSignal.timeout(20_000);
      for (;;) {
        const lines = (await readFile(log, 'latin1')).split('\n').slice(0, -1);
        if (lines.length >= count) return lines;
        await delay(50, undefined, { signal: deadline });
      }
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function listening(envoy: ChildProcess, host: string, port: number): Promise<void> {
  const deadline = AbortSignal.timeout(120_000);
  for (;;) {
    if (envoy.exitCode !== null) throw new Error(`envoy exited with ${envoy.exitCode}`);
    const socket = connect(port, host);
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await delay(20, undefined, { signal: deadline });
    } finally {
      socket.destroy();
    }
  }
}
