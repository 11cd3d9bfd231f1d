import { lstat, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { PodPlace } from '../../../../src/sandbox/kube/downward-api.ts';
import { KeyedObjects } from '../../../../src/sandbox/kube/keyed-objects.ts';
import { Missing } from '../../../../src/sandbox/kube/missing.ts';
import type { Pod, Volume } from '../../../../src/sandbox/kube/pod.ts';
import { type VolumeFiles, volumeFiles, volumePlan } from '../../../../src/sandbox/kube/volume-files.ts';
import { writeVolume } from '../../../../src/sandbox/kube/write-volume.ts';

const place: PodPlace = { podIp: '10.77.0.10', hostIp: '10.77.0.1', nodeName: 'sandbox', cpus: 2, memory: 0 };
const pod: Pod = { metadata: { name: 'web', namespace: 'foo', labels: { app: 'web' } }, spec: { containers: [] } };

describe('volumePlan', () => {
  it('knows what it can make', () => {
    expect(volumePlan({ name: 'a', emptyDir: {} })).to.deep.equal({ kind: 'empty' });
    expect(volumePlan({ name: 'a', configMap: { name: 'x' } })).to.deep.equal({ kind: 'files' });
    const hostPath: Volume = JSON.parse('{"name":"a","hostPath":{"path":"/"}}');
    expect(volumePlan(hostPath)).to.deep.equal({
      kind: 'unsupported',
      message: 'volume a: the sandbox has no hostPath volumes',
    });
  });
});

describe('volumeFiles', () => {
  const objects = new KeyedObjects();
  objects.put('configmap', { metadata: { name: 'roots', namespace: 'foo' }, data: { 'root.pem': 'PEM', other: 'x' } });
  objects.put('secret', { metadata: { name: 'keys', namespace: 'foo' }, data: { key: 'a2V5' } });
  const files = (volume: Omit<Volume, 'name'>): Readonly<Record<string, string>> => {
    const made = volumeFiles(
      { name: 'v', ...volume },
      { pod, place, objects, token: ({ audience }) => `for ${audience}` },
    );
    return Object.fromEntries(
      [...made].map(([path, { content, mode }]) => [path, `${mode.toString(8)} ${content.toString('utf8')}`]),
    );
  };

  it('takes all keys, or those that are named, with their modes', () => {
    expect(files({ configMap: { name: 'roots' } })).to.deep.equal({ 'root.pem': '644 PEM', other: '644 x' });
    const items = [{ key: 'root.pem', path: 'certs/ca.pem', mode: 0o400 }];
    expect(files({ configMap: { name: 'roots', items } })).to.deep.equal({ 'certs/ca.pem': '400 PEM' });
    expect(files({ secret: { secretName: 'keys', defaultMode: 0o440 } })).to.deep.equal({ key: '440 key' });
  });

  it('joins what is projected', () => {
    expect(
      files({
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token', audience: 'coxswain' } },
            { configMap: { name: 'roots', items: [{ key: 'root.pem', path: 'ca.crt' }] } },
            { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
          ],
        },
      }),
    ).to.deep.equal({ token: '600 for coxswain', 'ca.crt': '644 PEM', labels: '644 app="web"' });
  });

  it('waits for what is not there, unless it need not be', () => {
    expect(() => files({ configMap: { name: 'none' } })).to.throw(Missing, 'configmap "none" not found');
    expect(files({ configMap: { name: 'none', optional: true } })).to.deep.equal({});
  });
});

describe('writeVolume', () => {
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coxswain-volume-'));
  });

  afterEach(async () => {
    await rm(dir, { recursive: true });
  });

  const set = (files: Readonly<Record<string, string>>): VolumeFiles =>
    new Map(
      Object.entries(files).map(([path, text]) => [path, { content: Buffer.from(text), mode: 0o644, token: false }]),
    );
  const nobody = { uid: undefined, fsGroup: undefined };

  it('replaces all files in one step, behind one link', async () => {
    const first = await writeVolume(dir, set({ a: '1', 'sub/b': '2' }), nobody, undefined);
    expect(await readlink(join(dir, 'a'))).to.equal('..data/a');
    expect(await readlink(join(dir, '..data'))).to.equal('..data-1');
    expect(await readFile(join(dir, 'sub/b'), 'utf8')).to.equal('2');
    await writeVolume(dir, set({ a: '3', c: '4' }), nobody, first);
    expect(await readlink(join(dir, '..data'))).to.equal('..data-2');
    expect(await readFile(join(dir, 'a'), 'utf8')).to.equal('3');
    expect((await readdir(dir)).sort()).to.deep.equal(['..data', '..data-2', 'a', 'c']);
  });

  it('writes nothing where nothing changed', async () => {
    const first = await writeVolume(dir, set({ a: '1' }), nobody, undefined);
    expect(await writeVolume(dir, set({ a: '1' }), nobody, first)).to.equal(first);
  });

  it('gives tokens to whom the kubelet gives them', async () => {
    const token: VolumeFiles = new Map([['token', { content: Buffer.from('t'), mode: 0o600, token: true }]]);
    const access = async (owner: { readonly uid: number | undefined; readonly fsGroup: number | undefined }) => {
      const folder = await mkdtemp(join(dir, 'one-'));
      await writeVolume(folder, token, owner, undefined);
      const { mode, uid, gid } = await lstat(join(folder, '..data-1/token'));
      return `${(mode & 0o777).toString(8)} ${uid}:${gid}`;
    };
    const me = `${process.getuid?.()}:${process.getgid?.()}`;
    expect(await access({ uid: undefined, fsGroup: undefined })).to.equal(`644 ${me}`);
    if (process.getuid?.() !== 0) return;
    expect(await access({ uid: 1337, fsGroup: undefined })).to.equal('600 1337:0');
    expect(await access({ uid: 1337, fsGroup: 1337 })).to.equal('640 0:1337');
  });
});
