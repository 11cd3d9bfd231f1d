import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { systemClock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import type { Backend } from './backend.ts';
import { serveControl } from './control-server.ts';
import type { StartEvent, SupervisorSettings } from './protocol.ts';
import { Stage } from './stage.ts';

/**
 * First program of a sandbox, started by launch.ts inside its namespaces. Reads its settings from standard input, tells
 * how it gets on on standard output, and ends with its starter unless that says `detach`: then only `down`, or a signal
 * that can't be caught, ends it. Nothing has to be cleaned up here, because the kernel does.
 */
async function main(): Promise<void> {
  const began = performance.now();
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done === true) process.exit(1);
  const settings: SupervisorSettings = JSON.parse(first.value);
  // The older iptables keeps its lock on the host, where it would wait for others and be left behind.
  process.env['XTABLES_LOCKFILE'] = `${settings.runDir}/xtables.lock`;
  void endWithStarter(lines);
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => {
      // Nobody reads any more: the starter detached.
    });
  }
  const tell = (event: StartEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
  const timings: { step: string; atMs: number }[] = [];
  const progress = (step: string): void => {
    const timing = { step, atMs: Math.round(performance.now() - began) };
    timings.push(timing);
    tell({ event: 'progress', ...timing });
  };
  const stage = await openBackend(settings, progress);
  try {
    await serveControl(`${settings.runDir}/control.sock`, (request) => stage.handle(request));
    await stage.start();
    tell({ event: 'ready', timings });
  } catch (thrown) {
    const { code, message, hint = '' } = MeshError.from(thrown);
    const log = await lastLines(stage.suspectLog(thrown));
    process.stdout.write(
      `${JSON.stringify({ event: 'failed', code, message, hint, log } satisfies StartEvent)}\n`,
      () => process.exit(1),
    );
  }
}

async function openBackend(settings: SupervisorSettings, progress: (step: string) => void): Promise<Backend> {
  if (settings.kube === undefined) return new Stage(settings, systemClock, progress);
  const { KubeStage } = await import('./kube/kube-stage.ts');
  return new KubeStage(settings, settings.kube, systemClock, progress);
}

async function endWithStarter(lines: AsyncIterator<string>): Promise<void> {
  const next = await lines.next();
  if (next.done === true || next.value !== 'detach') process.exit(0);
}

async function lastLines(file: string | undefined): Promise<string> {
  if (file === undefined) return '';
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-15).join('\n');
}

await main();
