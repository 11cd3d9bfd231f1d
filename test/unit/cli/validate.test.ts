import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { TempDirectory } from '../../support/config-directory.ts';
import { cli } from './run-cli.ts';

const good = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: foo}
spec:
  mtls: {mode: STRICT}
`;
const bad = good.replace('STRICT', 'STRIC');
const foreign = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: foo}
`;

describe('validate', () => {
  it('is content with good files', async () => {
    expect(await cli(['validate', '-f', '-'], { input: good })).to.deep.equal({
      code: 0,
      stdout: '1 object in force: no findings\n',
      stderr: '',
    });
  });

  it('names place, field and hint of an error, and ends with 1', async () => {
    const { code, stdout } = await cli(['validate', '-f', '-'], { input: bad });
    expect(code).to.equal(1);
    const [object, first] = stdout.split('\n');
    expect([object, first]).to.deep.equal([
      'PeerAuthentication/foo/default',
      '  <stdin>:5: error spec.mtls.mode: unsupported value "STRIC" (hint: did you mean "STRICT"?)',
    ]);
  });

  it('judges by the mesh settings that it is given', async () => {
    using folder = new TempDirectory();
    const input = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: foo}
spec: {action: DENY, rules: [{to: [{operation: {paths: ["/a/../b"]}}]}]}
`;
    const told = async (mesh: string) => {
      const file = join(folder.path, 'mesh.yaml');
      await writeFile(file, mesh);
      return await cli(['validate', '-f', '-', '--mesh', file], { input });
    };
    const never = '"/a/../b" never matches: with pathNormalization BASE policies see "/b" for "/a/../b"';
    expect((await cli(['validate', '-f', '-'], { input })).stdout).to.include(never);
    expect((await told('pathNormalization: {normalization: BASE}')).stdout).to.include(never);
    expect((await told('pathNormalization: {normalization: NONE}')).stdout).to.not.include('never matches');
    const broken = await told('pathNormalization: {normalization: SOME}');
    expect([broken.code, broken.stderr.includes('SOME')]).to.deep.equal([2, true]);
  });

  it('lists kinds that it has no use for, and ends with 0', async () => {
    const { code, stdout } = await cli(['validate', '-f', '-'], { input: `${good}---\n${foreign}` });
    expect([code, stdout]).to.deep.equal([
      0,
      '1 object in force: no findings\nnot read, because coxswain has no use for these kinds: Deployment (apps/v1)\n',
    ]);
  });

  it('gives the same as data', async () => {
    const { code, stdout } = await cli(['validate', '-f', '-', '-o', 'json'], { input: `${bad}---\n${foreign}` });
    const report = JSON.parse(stdout);
    expect([code, report.valid, report.notRead]).to.deep.equal([
      1,
      false,
      [{ apiVersion: 'apps/v1', kind: 'Deployment' }],
    ]);
    expect(report.findings[0]).to.deep.include({
      severity: 'error',
      at: '<stdin>:5',
      field: 'spec.mtls.mode',
      hint: 'did you mean "STRICT"?',
    });
  });

  it('paints severities on a terminal only', async () => {
    const painted = await cli(['validate', '-f', '-'], { input: bad, color: true });
    expect(painted.stdout).to.include('\u001b[31merror\u001b[39m');
    expect((await cli(['validate', '-f', '-'], { input: bad })).stdout).to.not.include('\u001b');
  });

  it('reads files and directories together, by flag and by argument', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'coxswain-validate-'));
    try {
      await writeFile(join(folder, 'a.yaml'), good);
      await writeFile(join(folder, 'b.yaml'), bad.replace('namespace: foo', 'namespace: bar'));
      const { code, stdout } = await cli(['validate', folder]);
      expect([code, stdout.includes(`${folder}/b.yaml:5: error`)]).to.deep.equal([1, true]);
      const one = await cli(['validate', '-f', join(folder, 'a.yaml'), '-f', join(folder, 'a.yaml')]);
      expect(one.code).to.equal(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('gives objects without a namespace the one that is asked for', async () => {
    const { stdout } = await cli(['validate', '-n', 'shop', '-f', '-'], { input: bad.replace(', namespace: foo', '') });
    expect(stdout).to.match(/^PeerAuthentication\/shop\/default\n/);
  });
});
