import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readRoots } from '../../../src/jwks/roots.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { createTestCa } from '../../support/rbac-certificates.ts';

describe('roots for servers of keys', () => {
  it('are all certificates of a file; one without any, or with a broken one, is an error at once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'coxswain-roots-'));
    const file = join(folder, 'ca.pem');
    const outcome = async (text: string): Promise<unknown> => {
      await writeFile(file, text);
      return await readRoots(file).catch((thrown: unknown) => MeshError.from(thrown).message.replace(folder, ''));
    };
    try {
      const [one, two] = [(await createTestCa()).certificate.trim(), (await createTestCa()).certificate.trim()];
      expect(await outcome(`# roots\n${one}\nsome words\n${two}\n`)).to.deep.equal([one, two]);
      expect(await outcome('nothing')).to.equal('/ca.pem holds no certificate');
      const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
      expect(await outcome(`${one}\n${broken}`)).to.equal("certificate 2 of /ca.pem can't be read");
      await rm(file);
      const missing = await readRoots(file).catch((thrown: unknown) => MeshError.from(thrown).code);
      expect(missing).to.equal('not-found');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
