import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Logger, silentLogger } from '../../../src/lib/log.ts';
import { defaultMesh, type Mesh } from '../../../src/model/mesh.ts';
import { watchMesh } from '../../../src/runtime/mesh-reload.ts';

describe('mesh file, while serving', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coxswain-mesh-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  it('is taken over when it changes, and refused while it is broken or changes what certificates are made of', async () => {
    const file = join(directory, 'mesh.yaml');
    let mesh: Mesh = defaultMesh;
    let heard = Promise.withResolvers<string>();
    const refuse = (_: object, message: string): void => heard.resolve(message);
    const log: Logger = { ...silentLogger, error: refuse };
    const write = async (text: string): Promise<string> => {
      heard = Promise.withResolvers();
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
      return heard.promise;
    };
    await writeFile(file, '');
    const changed = (next: Mesh): void => {
      mesh = next;
      heard.resolve('taken over');
    };
    using _watch = watchMesh({ file, current: () => mesh, changed, log, everyMs: 20 });
    expect(await write('outboundTrafficPolicy:\n  mode: REGISTRY_ONLY\n')).to.equal('taken over');
    expect(mesh).to.deep.equal({ ...defaultMesh, outboundTrafficPolicy: 'REGISTRY_ONLY' });
    expect(await write('outboundTrafficPolicy:\n  mode: REGISTRY\n')).to.match(/what was read before stays/);
    expect(await write('rootNamespace: other\nenableAutoMtls: false\n')).to.match(/need a restart/);
    expect(mesh.outboundTrafficPolicy).to.equal('REGISTRY_ONLY');
    expect(await write('enableAutoMtls: false\n')).to.equal('taken over');
    expect(mesh).to.deep.equal({ ...defaultMesh, enableAutoMtls: false });
  });
});
