import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { CommandLayer, Layer } from './layers.ts';
import { failure, type Result, readCommand } from './result.ts';
import { runMocha } from './run-mocha.ts';

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
