import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Authority } from '../../../src/ca/authority.ts';
import { openAuthority } from '../../../src/ca/open-authority.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { trustDomain } from '../../../src/model/ids.ts';
import {
  at,
  failure,
  hour,
  leaf,
  mesh,
  openssl,
  start,
  type TemporaryDirectory,
  temporaryDirectory,
} from './helpers.ts';

const open = (directory: TemporaryDirectory, now = start): Promise<Authority> =>
  openAuthority(directory.path, { trustDomain: mesh, clock: new FakeClock(now) });

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

describe('ca/open-authority', () => {
  it('makes a root on first start, for the owner alone', async () => {
    await using directory = await temporaryDirectory();
    const state = join(directory.path, 'state');
    await openAuthority(state, { trustDomain: mesh, clock: new FakeClock(start) });
    const modes: Record<string, string> = { state: await modeOf(state), ca: await modeOf(join(state, 'ca')) };
    for (const name of await readdir(join(state, 'ca'))) modes[name] = await modeOf(join(state, 'ca', name));
    expect(modes).to.deep.equal({
      state: '700',
      ca: '700',
      'ca-cert.pem': '600',
      'ca-key.pem': '600',
      'cert-chain.pem': '600',
      'root-cert.pem': '600',
    });
    expect(await readdir(state)).to.deep.equal(['ca']);
  });

  it('opens the same one again', async () => {
    await using directory = await temporaryDirectory();
    const [first, second] = [await open(directory), await open(directory, start + hour)];
    expect(second.fingerprint).to.equal(first.fingerprint);
    expect(second.roots).to.deep.equal(first.roots);
    expect(second.derive('x').reveal()).to.deep.equal(first.derive('x').reveal());
    expect(second.derive('y').reveal()).not.to.deep.equal(first.derive('x').reveal());
  });

  it('makes one root where several start at once', async () => {
    await using directory = await temporaryDirectory();
    const all = await Promise.all(Array.from({ length: 8 }, () => open(directory)));
    expect(new Set(all.map((each) => each.fingerprint)).size).to.equal(1);
    expect(await readdir(directory.path)).to.deep.equal(['ca']);
  });

  it('fills an empty directory', async () => {
    await using directory = await temporaryDirectory();
    await mkdir(join(directory.path, 'ca'));
    expect((await open(directory)).roots).to.have.length(1);
  });

  it('signs for its own trust domain only', async () => {
    await using directory = await temporaryDirectory();
    const authority = await open(directory);
    const identity = { trustDomain: trustDomain('other.example'), namespace: 'a', serviceAccount: 'b' };
    const error = await failure(() => leaf(authority, { kind: 'workload', identity }));
    expect(error.message).to.equal('this authority signs for cluster.local, not for other.example');
  });

  describe('what it refuses to start with', () => {
    type Spoil = (ca: string) => Promise<unknown>;
    const replace =
      (name: string, text: string): Spoil =>
      (ca) =>
        writeFile(join(ca, name), text);
    const cases: readonly (readonly [what: string, spoil: Spoil, message: string, now?: number])[] = [
      [
        'a key that its group may read',
        (ca) => chmod(join(ca, 'ca-key.pem'), 0o640),
        '<ca>/ca-key.pem holds a private key and is open to others (mode 0640)',
      ],
      [
        'a key that all may read',
        (ca) => chmod(join(ca, 'ca-key.pem'), 0o604),
        '<ca>/ca-key.pem holds a private key and is open to others (mode 0604)',
      ],
      [
        'a directory that others may write',
        (ca) => chmod(ca, 0o770),
        'others may replace ca-key.pem: its directory has mode 0770',
      ],
      ['a missing key', (ca) => rm(join(ca, 'ca-key.pem')), '<ca> is not a whole authority: ca-key.pem missing'],
      [
        'a missing root and chain',
        async (ca) => [await rm(join(ca, 'root-cert.pem')), await rm(join(ca, 'cert-chain.pem'))],
        '<ca> is not a whole authority: cert-chain.pem, root-cert.pem missing',
      ],
      [
        'a key that is none',
        replace('ca-key.pem', 'secret-looking text'),
        '<ca>/ca-key.pem is not a private key in PEM',
      ],
      ['a certificate that is none', replace('ca-cert.pem', 'junk'), '<ca>/ca-cert.pem is not PEM with certificates'],
      [
        'a certificate with junk inside',
        replace('ca-cert.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
        "<ca>/ca-cert.pem holds a certificate that can't be read",
      ],
      ['an empty certificate file', replace('ca-cert.pem', ''), '<ca>/ca-cert.pem holds no certificate'],
      ['an empty root file', replace('root-cert.pem', ''), '<ca>/root-cert.pem holds no certificate'],
      [
        'an expired root',
        () => Promise.resolve(),
        'the certificate "O=cluster.local, CN=<name>" in <ca> expired at 2033-12-29T00:00:00.000Z',
        Date.UTC(2034, 0),
      ],
      [
        'a root of the future',
        () => Promise.resolve(),
        'the certificate "O=cluster.local, CN=<name>" in <ca> is not valid before 2023-12-31T23:58:00.000Z',
        start - hour,
      ],
    ];
    for (const [what, spoil, message, now] of cases) {
      it(what, async () => {
        await using directory = await temporaryDirectory();
        await open(directory);
        const ca = join(directory.path, 'ca');
        await spoil(ca);
        const error = await failure(() => open(directory, now));
        const text = error.message.replaceAll(ca, '<ca>').replace(/Coxswain root [0-9a-f]{8}/, '<name>');
        expect([error.code, text]).to.deep.equal(['bad-argument', message]);
      });
    }

    it('the key of another certificate', async () => {
      await using directory = await temporaryDirectory();
      await using other = await temporaryDirectory();
      await open(directory);
      await open(other);
      const key = await readFile(join(other.path, 'ca/ca-key.pem'), 'utf8');
      await writeFile(join(directory.path, 'ca/ca-key.pem'), key);
      const error = await failure(() => open(directory));
      expect(error.message).to.equal(
        `${directory.path}/ca/ca-key.pem is not the key of ${directory.path}/ca/ca-cert.pem`,
      );
    });

    it('never says what stands in the key file', async () => {
      await using directory = await temporaryDirectory();
      await open(directory);
      const path = join(directory.path, 'ca/ca-key.pem');
      const body = (await readFile(path, 'utf8')).split('\n')[1] ?? '';
      await writeFile(path, `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`);
      const error = await failure(() => open(directory));
      expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.to.include(body.slice(0, 16));
    });
  });

  describe('plugged in', () => {
    /** A root and an intermediate that openssl made, dated by the machine's clock. */
    async function pluggedIn(directory: TemporaryDirectory): Promise<string> {
      const file = (name: string): string => join(directory.path, name);
      const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256'];
      await openssl(
        'req',
        '-x509',
        ...ec,
        '-keyout',
        file('root-key.pem'),
        '-out',
        file('root-cert.pem'),
        '-days',
        '30',
        '-subj',
        '/O=example/CN=root',
        '-addext',
        'basicConstraints=critical,CA:TRUE',
        '-addext',
        'keyUsage=critical,keyCertSign',
      );
      await openssl(
        'req',
        ...ec,
        '-keyout',
        file('ca-key.pem'),
        '-out',
        file('ca.csr'),
        '-subj',
        '/O=example/CN=intermediate',
      );
      const extensions = await directory.file(
        'extensions',
        'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n',
      );
      await openssl(
        'x509',
        '-req',
        '-in',
        file('ca.csr'),
        '-CA',
        file('root-cert.pem'),
        '-CAkey',
        file('root-key.pem'),
        '-CAcreateserial',
        '-out',
        file('ca-cert.pem'),
        '-days',
        '10',
        '-extfile',
        extensions,
      );
      // As Istio's tools write it: the signing certificate, and the root.
      await directory.file(
        'cert-chain.pem',
        `${await readFile(file('ca-cert.pem'), 'utf8')}${await readFile(file('root-cert.pem'), 'utf8')}`,
      );
      await chmod(file('ca-key.pem'), 0o600);
      return directory.path;
    }
    // An hour on: the certificates that openssl makes are valid by then, however long the tests before took.
    const now = Math.floor(Date.now() / 1000) * 1000 + hour;
    const openFrom = (path: string, time = now): Promise<Authority> =>
      openAuthority('unused', { trustDomain: mesh, clock: new FakeClock(time), pluggedIn: path });

    it('signs with the intermediate, and sends it along, without the root', async () => {
      await using directory = await temporaryDirectory();
      await using elsewhere = await temporaryDirectory();
      const authority = await openFrom(await pluggedIn(directory));
      const certificates = leaf(authority).chain.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
      expect(certificates.map((each) => new X509Certificate(each).subject)).to.deep.equal([
        undefined,
        'O=example\nCN=intermediate',
      ]);
      const leafPath = await elsewhere.file('leaf.pem', certificates[0] ?? '');
      const chainPath = await elsewhere.file('chain.pem', certificates[1] ?? '');
      expect(
        await openssl(
          'verify',
          '-x509_strict',
          ...at(now),
          '-CAfile',
          join(directory.path, 'root-cert.pem'),
          '-untrusted',
          chainPath,
          leafPath,
        ),
      ).to.equal(`${leafPath}: OK\n`);
      expect(authority.roots.map((root) => new X509Certificate(root).subject)).to.deep.equal(['O=example\nCN=root']);
    });

    it('ends leaves with the intermediate', async () => {
      await using directory = await temporaryDirectory();
      const authority = await openFrom(await pluggedIn(directory));
      expect(leaf(authority, undefined, 60 * 24 * hour).notAfter).to.equal(authority.notAfter);
    });

    it('refuses an incomplete set, and makes no root of its own', async () => {
      await using directory = await temporaryDirectory();
      const path = await pluggedIn(directory);
      await rm(join(path, 'cert-chain.pem'));
      const error = await failure(() => openFrom(path));
      expect(error.message).to.equal(`${path} is not a whole authority: cert-chain.pem missing`);
    });

    it('refuses an empty directory', async () => {
      await using directory = await temporaryDirectory();
      const error = await failure(() => openFrom(directory.path));
      expect(error.message).to.equal(
        `${directory.path} is not a whole authority: ca-cert.pem, ca-key.pem, cert-chain.pem, root-cert.pem missing`,
      );
    });

    it('refuses a chain that does not reach the root', async () => {
      await using directory = await temporaryDirectory();
      await using other = await temporaryDirectory();
      const path = await pluggedIn(directory);
      await pluggedIn(other);
      await writeFile(join(path, 'root-cert.pem'), await readFile(join(other.path, 'root-cert.pem')));
      await writeFile(join(path, 'cert-chain.pem'), '');
      const error = await failure(() => openFrom(path));
      expect(error.message).to.equal(
        `the certificate "O=example, CN=intermediate" in ${path} is not signed by a root in ${path}/root-cert.pem`,
      );
    });

    it('refuses a signing certificate that is no authority', async () => {
      await using directory = await temporaryDirectory();
      const path = await pluggedIn(directory);
      await openssl(
        'x509',
        '-req',
        '-in',
        join(path, 'ca.csr'),
        '-CA',
        join(path, 'root-cert.pem'),
        '-CAkey',
        join(path, 'root-key.pem'),
        '-out',
        join(path, 'ca-cert.pem'),
        '-days',
        '10',
      );
      await writeFile(join(path, 'cert-chain.pem'), '');
      const error = await failure(() => openFrom(path));
      expect(error.message).to.equal(
        `the certificate "O=example, CN=intermediate" in ${path} may not sign others (no CA in its basic constraints)`,
      );
    });
  });
});
