import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect } from 'chai';
import type { Authority } from '../../../src/ca/authority.ts';
import { verifySvid } from '../../../src/ca/svid.ts';
import { type ClusterAuthority, openClusterAuthority } from '../../../src/cluster/cluster-authority.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import {
  at,
  failure,
  hour,
  leaf,
  mesh,
  openssl,
  type TemporaryDirectory,
  temporaryDirectory,
  webapp,
} from '../ca/helpers.ts';
import { fakeClient, listLogger, settle, until } from './helpers.ts';

const path = '/api/v1/namespaces/istio-system/secrets';
// An hour on: the certificates that openssl makes are valid by then, however long the tests before took.
const now = Math.floor(Date.now() / 1000) * 1000 + hour;

interface StoredSecret {
  readonly version: number;
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

/** The Secrets of one namespace. */
class Secrets {
  readonly stored = new Map<string, StoredSecret>();
  readonly asked: string[] = [];
  down = false;
  #version = 0;
  readonly client: KubeClient = fakeClient((method, at, { body }) => {
    this.asked.push(`${method} ${at.replace(path, '')}`);
    if (this.down) throw new MeshError('unavailable', 'connect ECONNREFUSED');
    if (method === 'POST') {
      const { metadata, type, data } = body as { metadata: { name: string }; type: string; data: StoredSecret['data'] };
      if (this.stored.has(metadata.name)) throw new MeshError('conflict', 'exists');
      this.#store(metadata.name, type, data);
      return this.#object(metadata.name);
    }
    return this.#object(at.slice(path.length + 1));
  });

  put(name: string, files: Readonly<Record<string, string>>): void {
    const data = Object.entries(files).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
    this.#store(name, 'Opaque', Object.fromEntries(data));
  }

  reachable(yes: boolean): void {
    this.down = !yes;
  }

  #store(name: string, type: string, data: StoredSecret['data']): void {
    this.#version += 1;
    this.stored.set(name, { version: this.#version, type, data });
  }

  #object(name: string): unknown {
    const secret = this.stored.get(name);
    if (secret === undefined) throw new MeshError('not-found', 'no such secret');
    const { version, type, data } = secret;
    return { metadata: { name, resourceVersion: String(version) }, type, data };
  }
}

class World {
  readonly secrets = new Secrets();
  readonly clock = new FakeClock(now);
  readonly log: string[] = [];

  open(signal?: AbortSignal): Promise<ClusterAuthority> {
    const { clock, log } = this;
    const options = { client: this.secrets.client, namespace: 'istio-system', trustDomain: mesh, random: () => 0 };
    return openClusterAuthority({ ...options, clock, log: listLogger(log) }, signal);
  }

  async refusal(): Promise<string> {
    const error = await failure(() => this.open());
    expect(error.code).to.equal('bad-argument');
    return error.message;
  }
}

type Key = 'rsa' | 'ec';
const newKey: Readonly<Record<Key, readonly string[]>> = {
  rsa: ['-newkey', 'rsa:2048'],
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
};

/** A root of openssl's making; the key as Istio writes it (PKCS#1). */
async function makeRoot(
  directory: TemporaryDirectory,
  key: Key,
  name = 'root',
): Promise<{ cert: string; key: string }> {
  const file = (suffix: string): string => join(directory.path, `${name}${suffix}`);
  await openssl(
    ...['req', '-x509', ...newKey[key], '-nodes', '-sha256', '-days', '30', '-subj', `/O=example/CN=${name}`],
    ...['-keyout', file('.key'), '-out', file('.crt'), '-addext', 'basicConstraints=critical,CA:TRUE'],
    ...['-addext', 'keyUsage=critical,keyCertSign,digitalSignature'],
  );
  if (key === 'rsa') await openssl('rsa', '-in', file('.key'), '-traditional', '-out', file('.key'));
  return { cert: await readFile(file('.crt'), 'utf8'), key: await readFile(file('.key'), 'utf8') };
}

/** An intermediate under a root that was made before. */
async function makeIntermediate(
  directory: TemporaryDirectory,
  key: Key,
  name: string,
  root = 'root',
): Promise<{ cert: string; key: string }> {
  const file = (suffix: string): string => join(directory.path, `${name}${suffix}`);
  const above = (suffix: string): string => join(directory.path, `${root}${suffix}`);
  await openssl(
    ...['req', ...newKey[key], '-nodes', '-sha256', '-subj', `/O=example/CN=${name}`],
    ...['-keyout', file('.key'), '-out', file('.csr')],
  );
  const extensions = await directory.file(
    `${name}.ext`,
    'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n',
  );
  await openssl(
    ...['x509', '-req', '-in', file('.csr'), '-CA', above('.crt'), '-CAkey', above('.key'), '-CAcreateserial'],
    ...['-out', file('.crt'), '-days', '10', '-extfile', extensions],
  );
  return { cert: await readFile(file('.crt'), 'utf8'), key: await readFile(file('.key'), 'utf8') };
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

const files = (issuer: Pair, root: Pair): Readonly<Record<string, string>> => ({
  'ca-cert.pem': issuer.cert,
  'ca-key.pem': issuer.key,
  'root-cert.pem': root.cert,
  'cert-chain.pem': issuer.cert,
});

/** openssl's word on a leaf of this authority. */
async function verified(authority: Authority, directory: TemporaryDirectory, root: Pair): Promise<string> {
  const [first = '', ...tail] = leaf(authority).chain.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g) ?? [];
  const leafPath = await directory.file('leaf.pem', first);
  const rootPath = await directory.file('trusted.pem', root.cert);
  const chain = tail.length === 0 ? [] : ['-untrusted', await directory.file('chain.pem', tail.join(''))];
  return (await openssl('verify', ...at(now), '-CAfile', rootPath, ...chain, leafPath)).replace(directory.path, '');
}

const subjects = (authority: Authority): readonly string[] =>
  authority.issuers.map((each) => each.subject.split('CN=')[1] ?? '');

describe('cluster/cluster-authority', function () {
  this.timeout(60_000); // RSA keys

  it('makes a root where there is none, and finds it again', async () => {
    const world = new World();
    const first = await world.open();
    const second = await world.open();
    expect([first.secret, second.authority.fingerprint]).to.deep.equal([
      'istio-ca-secret',
      first.authority.fingerprint,
    ]);
    expect(world.secrets.asked).to.deep.equal([
      'GET /cacerts',
      'GET /istio-ca-secret',
      'POST ',
      'GET /cacerts',
      'GET /istio-ca-secret',
    ]);
    const secret = world.secrets.stored.get('istio-ca-secret');
    expect([secret?.type, Object.keys(secret?.data ?? {}).sort()]).to.deep.equal([
      'istio.io/ca-root',
      ['ca-cert.pem', 'ca-key.pem', 'cert-chain.pem', 'root-cert.pem'],
    ]);
  });

  it('makes one root where several start at once', async () => {
    const world = new World();
    const all = await Promise.all(Array.from({ length: 8 }, () => world.open()));
    expect(new Set(all.map(({ authority }) => authority.fingerprint)).size).to.equal(1);
    expect(world.secrets.asked.filter((each) => each.startsWith('POST'))).to.have.length(8);
  });

  it('signs with a plugged-in intermediate on RSA keys, and prefers it', async () => {
    await using directory = await temporaryDirectory();
    const root = await makeRoot(directory, 'rsa');
    const world = new World();
    await world.open();
    world.secrets.put('cacerts', files(await makeIntermediate(directory, 'rsa', 'one'), root));
    const { authority, secret } = await world.open();
    expect(secret).to.equal('cacerts');
    expect(subjects(authority)).to.deep.equal(['one', 'root']);
    expect(await verified(authority, directory, root)).to.equal('/leaf.pem: OK\n');
  });

  it("takes over Istio's own Secret, an RSA root without the files that older ones left out", async () => {
    await using directory = await temporaryDirectory();
    const root = await makeRoot(directory, 'rsa');
    for (const more of [
      {},
      { 'root-cert.pem': '', 'cert-chain.pem': '', 'key.pem': '' },
      { 'root-cert.pem': root.cert },
    ]) {
      const world = new World();
      world.secrets.put('istio-ca-secret', { 'ca-cert.pem': root.cert, 'ca-key.pem': root.key, ...more });
      const { authority } = await world.open();
      expect(authority.roots.map((each) => new X509Certificate(each).subject)).to.deep.equal(['O=example\nCN=root']);
      expect(await verified(authority, directory, root)).to.equal('/leaf.pem: OK\n');
    }
  });

  it('reads what cert-manager writes', async () => {
    await using directory = await temporaryDirectory();
    const root = await makeRoot(directory, 'ec');
    const { cert, key } = await makeIntermediate(directory, 'ec', 'one');
    const world = new World();
    world.secrets.put('cacerts', { 'tls.crt': cert, 'tls.key': key, 'ca.crt': root.cert });
    const { authority } = await world.open();
    expect(subjects(authority)).to.deep.equal(['one', 'root']);
    expect(await verified(authority, directory, root)).to.equal('/leaf.pem: OK\n');
  });

  it('refuses a Secret that is not whole, and makes no root instead', async () => {
    await using directory = await temporaryDirectory();
    const root = await makeRoot(directory, 'ec');
    const { 'ca-key.pem': _, 'cert-chain.pem': __, ...some } = files(root, root);
    const cases: readonly (readonly [name: string, content: Readonly<Record<string, string>>, message: string])[] = [
      [
        'cacerts',
        {},
        'cacerts is not a whole authority: ca-cert.pem, ca-key.pem, cert-chain.pem, root-cert.pem missing',
      ],
      ['cacerts', some, 'cacerts is not a whole authority: ca-key.pem, cert-chain.pem missing'],
      ['cacerts', { 'tls.crt': root.cert, 'tls.key': root.key }, 'cacerts is not a whole authority: ca.crt missing'],
      [
        'istio-ca-secret',
        {},
        'istio-ca-secret is not a whole authority: ca-cert.pem, ca-key.pem, root-cert.pem missing',
      ],
      ['cacerts', { ...files(root, root), 'ca-key.pem': 'x' }, 'cacerts/ca-key.pem is not a private key in PEM'],
    ];
    for (const [name, content, message] of cases) {
      const world = new World();
      world.secrets.put(name, content);
      expect(await world.refusal()).to.equal(`Secret istio-system/${message}`);
      expect(world.secrets.asked.filter((each) => each.startsWith('POST'))).to.deep.equal([]);
    }
  });

  it('waits for an API server, where it may, and else says that there is none', async () => {
    const world = new World();
    world.secrets.down = true;
    expect((await failure(() => world.open())).code).to.equal('unavailable');
    const stop = new AbortController();
    const opening = world.open(stop.signal);
    await until(() => world.log.length === 1);
    world.clock.advance(800);
    await until(() => world.log.length === 2);
    world.secrets.down = false;
    world.clock.advance(1_600);
    expect((await opening).secret).to.equal('istio-ca-secret');
    world.secrets.down = true;
    stop.abort();
    expect((await failure(() => world.open(stop.signal))).code).to.equal('unavailable');
  });

  it('prints no key, whatever is printed', async () => {
    const world = new World();
    const opened = await world.open();
    const body = Buffer.from(
      world.secrets.stored.get('istio-ca-secret')?.data['ca-key.pem'] ?? '',
      'base64',
    ).toString();
    const secret = body.split('\n')[1] ?? '';
    expect(secret).to.have.length(64);
    const shown = `${inspect(opened, { depth: 9, showHidden: true })} ${JSON.stringify(opened)} ${world.log.join()}`;
    expect(shown).not.to.include(secret);
  });

  describe('while it runs', () => {
    /** Follows, lets one look pass for each step, and gives the words that were logged since the start. */
    async function follow(
      world: World,
      opened: ClusterAuthority,
      ...steps: readonly (() => void)[]
    ): Promise<string[]> {
      world.log.length = 0;
      const stop = new AbortController();
      const following = opened.follow(stop.signal);
      for (const step of steps) {
        step();
        world.clock.advance(30_000);
        await settle();
      }
      stop.abort();
      await following;
      return world.log.map((line) => line.split(' {')[0] ?? '');
    }

    it('takes over a renewed intermediate, and still believes what the old one signed', async () => {
      await using directory = await temporaryDirectory();
      const root = await makeRoot(directory, 'ec');
      const world = new World();
      world.secrets.put('cacerts', files(await makeIntermediate(directory, 'ec', 'one'), root));
      const opened = await world.open();
      const { authority } = opened;
      const old = new X509Certificate(leaf(authority).chain).raw;
      const before = authority.fingerprint;
      const renewed = files(await makeIntermediate(directory, 'rsa', 'two'), root);
      const log = await follow(world, opened, () => world.secrets.put('cacerts', renewed));
      expect(log).to.deep.equal(['info: signing with a renewed certificate']);
      expect(authority.fingerprint).not.to.equal(before);
      expect(subjects(authority)).to.deep.equal(['two', 'root', 'one']);
      expect(await verified(authority, directory, root)).to.equal('/leaf.pem: OK\n');
      const policy = { authority, clock: world.clock, trustDomainAliases: [] };
      expect(verifySvid(old, policy).identity).to.deep.equal(webapp);
      expect(verifySvid(new X509Certificate(leaf(authority).chain).raw, policy).identity).to.deep.equal(webapp);
    });

    it('does not take over another root, and says so once', async () => {
      await using directory = await temporaryDirectory();
      const root = await makeRoot(directory, 'ec');
      const other = await makeRoot(directory, 'ec', 'other');
      const world = new World();
      world.secrets.put('cacerts', files(root, root));
      const opened = await world.open();
      const before = opened.authority.fingerprint;
      const nothing = (): void => undefined;
      const log = await follow(
        world,
        opened,
        () => world.secrets.put('cacerts', files(other, other)),
        nothing,
        nothing,
      );
      expect(log).to.deep.equal([
        'error: the Secret of the authority has other roots: they are taken over by a restart only, which cuts off workloads that trust the old ones alone',
      ]);
      expect(opened.authority.fingerprint).to.equal(before);
    });

    it('puts back a root that was made here and whose Secret is gone, once, and leaves a plugged-in one to its owner', async () => {
      const world = new World();
      const [one, two] = [await world.open(), await world.open()];
      const before = world.secrets.stored.get('istio-ca-secret')?.data;
      const gone = (): void => void world.secrets.stored.delete('istio-ca-secret');
      const back = 'warn: the Secret of the authority was gone, and is put back';
      expect(await follow(world, one, gone)).to.deep.equal([back]);
      expect(world.secrets.stored.get('istio-ca-secret')?.data).to.deep.equal(before);
      expect(await follow(world, one, () => undefined)).to.deep.equal([]);
      expect(await follow(world, two, () => undefined)).to.deep.equal([]);
      expect((await world.open()).authority.fingerprint).to.equal(one.authority.fingerprint);

      await using directory = await temporaryDirectory();
      const root = await makeRoot(directory, 'ec');
      world.secrets.put('cacerts', files(root, root));
      const opened = await world.open();
      expect(await follow(world, opened, () => world.secrets.stored.delete('cacerts'))).to.deep.equal([
        'error: the Secret of the authority is gone: put it back, or a restart will make another root',
      ]);
    });

    it('keeps what it has where the Secret is broken, deleted or out of reach', async () => {
      const world = new World();
      const opened = await world.open();
      const before = opened.authority.fingerprint;
      const log = await follow(
        world,
        opened,
        () => world.secrets.reachable(false),
        () => world.secrets.reachable(true),
        () => world.secrets.put('istio-ca-secret', { 'ca-cert.pem': 'junk' }),
        () => world.secrets.stored.delete('istio-ca-secret'),
        () => world.secrets.put('cacerts', {}),
      );
      expect(log).to.deep.equal([
        'error: the Secret of the authority has changed and can not be used',
        'warn: the Secret of the authority was gone, and is put back',
        'error: the Secret of the authority has changed and can not be used',
      ]);
      expect(opened.authority.fingerprint).to.equal(before);
    });

    it('says that a plugged-in authority waits for a restart', async () => {
      await using directory = await temporaryDirectory();
      const root = await makeRoot(directory, 'ec');
      const world = new World();
      const opened = await world.open();
      const log = await follow(world, opened, () => world.secrets.put('cacerts', files(root, root)));
      expect(log).to.deep.equal(['error: another authority was plugged in: it is taken over by a restart only']);
    });
  });
});
