import { readdir } from 'node:fs/promises';
import { expect } from 'chai';
import { findSandbox } from '../../src/sandbox/run-dir.ts';
import { alive, eventually, family, hostState, type ProcessId } from './sandbox.ts';

/** What a machine looked like before a sandbox, and what the sandbox has on it. */
export interface Scene {
  readonly runDir: string;
  readonly hostBefore: Readonly<Record<string, string>>;
}

/** All processes of a sandbox: more than `most`, a plausible number of them, so that "none is left" means something. */
export async function processesOf({ runDir }: Scene, name: string, most: number): Promise<readonly ProcessId[]> {
  const { pid } = await findSandbox(runDir, name);
  const processes = await family(pid);
  expect(processes.length).to.be.greaterThan(most);
  return processes;
}

/** Waits until no process and no folder of it is left, and compares the machine with how it was. */
export async function expectNothingLeft(scene: Scene, processes: readonly ProcessId[]): Promise<void> {
  await eventually('every process to end', async () => ((await alive(processes)).length === 0 ? true : undefined));
  await eventually('the folder to go', async () => ((await readdir(scene.runDir)).length === 0 ? true : undefined));
  expect(await hostState()).to.deep.equal(scene.hostBefore);
}
