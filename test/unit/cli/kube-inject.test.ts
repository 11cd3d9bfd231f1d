import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { cli } from './run-cli.ts';

const pod =
  'apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n    - name: web\n      image: web:1\n';
const other = '# a remark\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}   # odd\ndata: {a:    "b"}\n';
const inject = (input: string, ...flags: readonly string[]) => cli(['kube-inject', '-f', '-', ...flags], { input });

describe('coxswain kube-inject', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coxswain-kube-inject-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  it('passes on what makes no pods, byte for byte', async () => {
    const text = `\uFEFF${other}---\n${other.replaceAll('\n', '\r\n')}---\n# nothing\n---\napiVersion: apps/v2x\nkind: [odd]\n`;
    const { code, stdout, stderr } = await inject(text);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.equal(text.slice(1));
  });

  it('keeps the documents around one that it changes', async () => {
    const { stdout } = await inject(`${other}---\n${pod}---\n${other}`);
    expect(stdout.startsWith(`${other}---\napiVersion: v1\nkind: Pod\n`)).to.equal(true);
    expect(stdout.endsWith(`---\n${other}`)).to.equal(true);
  });

  it('writes numbers and words so that kubectl reads what was written', async () => {
    const text = pod
      .replace('      image: web:1\n', '      image: web:1\n      env: [{name: A, value: "yes"}]\n')
      .concat('  volumes:\n    - name: c\n      configMap: {name: c, defaultMode: 0640}\n');
    const { stdout } = await inject(text);
    const read = parse(stdout, { version: '1.1' });
    expect(read.spec.containers[0].env).to.deep.equal([{ name: 'A', value: 'yes' }]);
    expect(read.spec.volumes[0].configMap.defaultMode).to.equal(0o640);
  });

  it('reads aliases and merge keys, and writes them out', async () => {
    const text = pod
      .replace('metadata:\n', 'metadata:\n  labels: &l {app: web}\n  annotations:\n    <<: *l\n    b: c\n')
      .replace('image: web:1', 'image: &i web:1\n    - name: two\n      image: *i');
    const { code, stdout } = await inject(text);
    expect(code).to.equal(0);
    const read = parse(stdout, { version: '1.1' });
    expect(read.metadata.annotations).to.include({ app: 'web', b: 'c' });
    expect(read.spec.containers[1].image).to.equal('web:1');
    expect(stdout).to.not.match(/[&*][il]\b/);
  });

  it('refuses an alias bomb', async () => {
    const bomb = `a: &a [${'x,'.repeat(10)}]\n${Array.from('bcdefgh', (name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]},`.repeat(10)}]\n`).join('')}`;
    const { code, stdout, stderr } = await inject(bomb);
    expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
    expect(stderr).to.match(/^coxswain: <stdin>:1: the aliases of this document expand without measure/);
  });

  it('takes JSON and gives JSON, which is how kubectl reads what opens with a brace', async () => {
    const manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: { containers: [{ name: 'web', image: 'web:1' }] },
    };
    for (const indent of [undefined, 4]) {
      const { code, stdout } = await inject(`${JSON.stringify(manifest, undefined, indent)}\n`);
      expect(code).to.equal(0);
      const read = JSON.parse(stdout);
      expect(read.spec.containers).to.deep.equal(manifest.spec.containers);
      expect(read.spec.initContainers.map(({ name }: { readonly name: string }) => name)).to.deep.equal([
        'istio-init',
        'istio-proxy',
      ]);
      expect(stdout).to.equal(`${JSON.stringify(read, undefined, indent)}\n`);
    }
  });

  it('reads several files as one stream, and writes to a file', async () => {
    const [a, b, out] = [join(dir, 'a.yaml'), join(dir, 'b.yaml'), join(dir, 'out.yaml')];
    await writeFile(a, other.trimEnd());
    await writeFile(b, pod);
    const { code, stdout } = await cli(['kube-inject', '-f', a, '-f', b, '-o', out]);
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: '' });
    expect((await readFile(out, 'utf8')).startsWith(`${other}---\napiVersion: v1\nkind: Pod\n`)).to.equal(true);
  });

  it('names images, revision and cluster as told', async () => {
    const flags = [
      '--image',
      'r/coxswain:2',
      '--proxy-image',
      'r/envoy:3',
      '--revision',
      'canary',
      '--cluster-id',
      'east',
    ];
    const { stdout } = await inject(pod, ...flags, '--root-namespace', 'mesh');
    const { metadata, spec } = parse(stdout);
    const [init, proxy] = spec.initContainers;
    expect([init.image, proxy.image, metadata.annotations['istio.io/rev']]).to.deep.equal([
      'r/coxswain:2',
      'r/envoy:3',
      'canary',
    ]);
    expect(init.args).to.include.members(['coxswain.mesh.svc:15012', 'east']);
  });

  it('makes ordinary containers for old clusters', async () => {
    const { stdout } = await inject(pod, '--classic');
    const { containers } = parse(stdout).spec;
    expect(containers.map(({ name }: { name: string }) => name)).to.deep.equal(['istio-proxy', 'web']);
    expect(containers[0].image).to.equal('envoyproxy/envoy:v1.40.0');
  });

  it('takes names from the mesh file', async () => {
    const mesh = join(dir, 'mesh.yaml');
    await writeFile(mesh, 'rootNamespace: mesh-system\n');
    const { stdout, stderr } = await inject(pod, '--mesh', mesh);
    expect(stderr).to.equal('');
    expect(stdout).to.contain('coxswain.mesh-system.svc:15012');
  });

  it('says whom it left out, and what is risky', async () => {
    const no = pod.replace('  name: web\n', '  name: web\n  annotations: {sidecar.istio.io/inject: "false"}\n');
    const { code, stdout, stderr } = await inject(`${no}---\n${pod}  securityContext: {runAsUser: 1337}\n`);
    expect(code).to.equal(0);
    expect(stdout.startsWith(no)).to.equal(true);
    expect(stderr).to.equal(
      'coxswain: <stdin>:1: Pod/web: no sidecar: annotation sidecar.istio.io/inject is "false"\n' +
        "coxswain: <stdin>:11: Pod/web: warning: container web runs as 1337, the sidecar's own id: its connections bypass the sidecar\n",
    );
  });

  it('writes nothing if a pod can not get what it asks for', async () => {
    const bad = `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: shop}\nspec:\n  template:\n    metadata:\n      annotations: {sidecar.istio.io/logLevel: loud}\n    spec:\n      containers: [{name: web}]\n`;
    const { code, stdout, stderr } = await inject(`${pod}---\n${bad}`);
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
    expect(stderr).to.contain(
      'coxswain: <stdin>:10: Deployment/shop/d: error spec.template.metadata.annotations[sidecar.istio.io/logLevel]: ' +
        '"loud" is no log level (hint: use trace, debug, info, warning, error, critical or off)\n',
    );
  });

  it('fails on what it can not read: the line, and exit code 2', async () => {
    expect(await inject(`${pod}---\na: [\n`)).to.deep.include({ code: 2, stdout: '' });
    expect((await inject(`${pod}---\na: [\n`)).stderr).to.match(/^coxswain: <stdin>:10: not valid YAML/);
    expect(await cli(['kube-inject', '-f', join(dir, 'none.yaml')])).to.deep.include({ code: 2 });
    expect(await cli(['kube-inject'])).to.deep.include({ code: 2 });
  });

  it('has an example in its help', async () => {
    const { code, stdout } = await cli(['kube-inject', '--help']);
    expect(code).to.equal(0);
    expect(stdout).to.contain('kubectl apply -f <(coxswain kube-inject -f deployment.yaml)');
  });
});
