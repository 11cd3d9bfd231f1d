import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MeshError } from '../../../src/lib/errors.ts';
import {
  checkName,
  chooseSandbox,
  listSandboxes,
  reserve,
  sandboxPaths,
  startTimeOf,
  writeRecord,
} from '../../../src/sandbox/run-dir.ts';

describe('run directory', () => {
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coxswain-run-'));
  });

  afterEach(async () => {
    await rm(dir, { recursive: true });
  });

  /** This very process plays the sandbox: it runs, and its start time is known. */
  async function running(name: string): Promise<void> {
    const paths = await reserve(dir, name);
    const startTime = (await startTimeOf(process.pid)) ?? '';
    await writeRecord(paths, { name, example: 'x', pid: process.pid, startTime, init: 1 });
  }

  async function dead(name: string): Promise<void> {
    const paths = await reserve(dir, name);
    await writeRecord(paths, { name, example: 'x', pid: process.pid, startTime: 'another', init: 1 });
  }

  it('lists what runs and removes what was killed, also if its number lives on in another process', async () => {
    await running('one');
    await dead('two');
    expect((await listSandboxes(dir)).map((each) => each.name)).to.deep.equal(['one']);
    expect(await readdir(dir)).to.deep.equal(['one']);
  });

  it('gives a name to one sandbox at a time', async () => {
    await running('one');
    const error = await reserve(dir, 'one').then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(MeshError).with.property('message', 'a sandbox named one is there already');
  });

  it('gives the name of a killed one again', async () => {
    await dead('one');
    expect(await reserve(dir, 'one')).to.deep.equal(sandboxPaths(dir, 'one'));
    expect(await readdir(join(dir, 'one'))).to.deep.equal([]);
  });

  it('takes a folder without a record for one that begins, but not for ever', async () => {
    await mkdir(join(dir, 'young'));
    await mkdir(join(dir, 'old'));
    await writeFile(join(dir, 'old', 'record.json'), '{');
    await utimes(join(dir, 'old'), new Date(0), new Date(0));
    expect(await listSandboxes(dir)).to.deep.equal([]);
    expect(await readdir(dir)).to.deep.equal(['young']);
  });

  it('chooses the only one, and asks which of several', async () => {
    await running('one');
    expect((await chooseSandbox(dir, undefined)).name).to.equal('one');
    await running('two');
    const error = await chooseSandbox(dir, undefined).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(MeshError).with.property('hint', 'choose one: one, two');
    expect((await chooseSandbox(dir, 'two')).name).to.equal('two');
  });

  it('knows nothing in a folder that is not there', async () => {
    expect(await listSandboxes(join(dir, 'none'))).to.deep.equal([]);
  });

  it('refuses names that are paths', () => {
    for (const name of ['', '..', 'a/b', 'A', '-a', 'a'.repeat(41)]) {
      expect(() => checkName(name), name).to.throw(MeshError);
    }
    expect(checkName('a-1')).to.equal('a-1');
  });
});
