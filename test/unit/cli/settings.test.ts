import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MeshError } from '../../../src/lib/errors.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import {
  addressText,
  defaultStateDir,
  isLoopback,
  parseAddress,
  parseDuration,
  readSettings,
  type SettingFlags,
} from '../../../src/settings.ts';

const env = { XDG_STATE_HOME: '/var/state' };

async function failure(flags: SettingFlags, variables: Readonly<Record<string, string>> = env): Promise<string> {
  try {
    await readSettings(flags, variables);
  } catch (thrown) {
    const error = MeshError.from(thrown);
    return `${error.code}: ${error.message}`;
  }
  return 'no error';
}

describe('settings', () => {
  it('have the documented defaults', async () => {
    expect(await readSettings({ config: '/etc/mesh' }, env)).to.deep.equal({
      platform: { kind: 'directory', directory: '/etc/mesh' },
      meshFile: undefined,
      mesh: defaultMesh,
      meshFindings: [],
      stateDir: '/var/state/coxswain',
      xds: { host: '0.0.0.0', port: 15012 },
      xdsNames: [],
      xdsInsecure: undefined,
      admin: { host: '127.0.0.1', port: 15014 },
      logLevel: 'info',
      svidTtlMs: 86_400_000,
      xdsMaxAgeMs: 1_800_000,
      xdsMaxProxies: 5_000,
      jwks: { caFile: undefined, allow: [] },
    });
  });

  it('say where keys of token issuers may be fetched', async () => {
    const flags = { config: '.', jwksCa: '/etc/ca.pem', jwksAllow: ['127.0.0.0/8', '::1'] };
    const jwks = {
      caFile: '/etc/ca.pem',
      allow: [
        { address: '127.0.0.0', prefixLength: 8 },
        { address: '::1', prefixLength: 128 },
      ],
    };
    expect((await readSettings(flags, env)).jwks).to.deep.equal(jwks);
    const variables = { COXSWAIN_JWKS_CA: '/etc/ca.pem', COXSWAIN_JWKS_ALLOW: '127.0.0.0/8,::1' };
    expect((await readSettings({ config: '.' }, { ...env, ...variables })).jwks).to.deep.equal(jwks);
    expect(await failure({ config: '.', jwksAllow: ['localhost'] })).to.equal(
      'bad-argument: --jwks-allow: "localhost" is no range of addresses',
    );
  });

  it('take the cluster that a pod runs in, and say which replica that pod is', async () => {
    const pod = {
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      POD_NAME: 'coxswain-x',
      POD_NAMESPACE: 'mesh',
      POD_UID: 'uid-1',
    };
    const { platform } = await readSettings({}, { ...env, ...pod });
    expect(platform).to.deep.equal({
      kind: 'kubernetes',
      kubeconfig: undefined,
      context: undefined,
      namespace: 'mesh',
      replica: { name: 'coxswain-x', podUid: 'uid-1' },
      webhook: { host: '0.0.0.0', port: 15017 },
      images: { init: undefined, proxy: undefined },
    });
    expect((await readSettings({ config: '/etc/mesh' }, { ...env, ...pod })).platform.kind).to.equal('directory');
  });

  it('take the cluster of a kubeconfig', async () => {
    const { platform } = await readSettings({ kubeconfig: '/k', context: 'c', namespace: 'mesh' }, env);
    expect(platform).to.deep.include({ kubeconfig: '/k', context: 'c', namespace: 'mesh' });
  });

  it('take the environment where no flag is given', async () => {
    const variables = {
      COXSWAIN_CONFIG: '/from/env',
      COXSWAIN_XDS_INSECURE: '127.0.0.1:15010',
      COXSWAIN_XDS_NAME: 'a.example,10.0.0.1',
      COXSWAIN_LOG_LEVEL: 'debug',
      COXSWAIN_STATE: '/state',
    };
    const settings = await readSettings({ logLevel: 'warn' }, variables);
    expect(settings).to.deep.include({
      platform: { kind: 'directory', directory: '/from/env' },
      xdsInsecure: { host: '127.0.0.1', port: 15010 },
      xdsNames: ['a.example', '10.0.0.1'],
      logLevel: 'warn',
      stateDir: '/state',
    });
  });

  it('are frozen to the last field', async () => {
    const settings = await readSettings({ config: '.' }, env);
    for (const part of [settings, settings.mesh, settings.xds, settings.mesh.trustDomainAliases]) {
      expect(Object.isFrozen(part)).to.equal(true);
    }
  });

  const refused: readonly (readonly [flags: SettingFlags, message: string])[] = [
    [{}, 'bad-argument: no configuration given'],
    [{ config: '.', kubeconfig: '/k' }, 'bad-argument: --config and --kubeconfig are two sources of configuration'],
    [{ config: '.', xdsMaxProxies: '0' }, 'bad-argument: --xds-max-proxies: "0" is no number'],
    [{ config: '.', xdsMaxAge: '5' }, 'bad-argument: --xds-max-age: "5" is no duration'],
    [{ config: '.', xds: '15012' }, 'bad-argument: --xds: "15012" is no address'],
    [{ config: '.', xds: 'localhost:70000' }, 'bad-argument: --xds: "localhost:70000" is no address'],
    [{ config: '.', xds: '::1:15012' }, 'bad-argument: --xds: "::1:15012" is no address'],
    [{ config: '.', xds: '[10.0.0.1]:1' }, 'bad-argument: --xds: "[10.0.0.1]:1" is no address'],
    [{ config: '.', xdsInsecure: ':15010' }, 'bad-argument: --xds-insecure: 0.0.0.0 is not a loopback address'],
    [
      { config: '.', xdsInsecure: '10.0.0.1:15010' },
      'bad-argument: --xds-insecure: 10.0.0.1 is not a loopback address',
    ],
    [
      { config: '.', xdsInsecure: 'localhost:15010' },
      'bad-argument: --xds-insecure: localhost is not a loopback address',
    ],
    [{ config: '.', xdsInsecure: '[::]:15010' }, 'bad-argument: --xds-insecure: :: is not a loopback address'],
    [{ config: '.', logLevel: 'loud' }, 'bad-argument: --log-level: no such level: "loud"'],
    [{ config: '.', svidTtl: '24' }, 'bad-argument: --svid-ttl: "24" is no duration'],
    [{ config: '.', svidTtl: '1s' }, 'bad-argument: --svid-ttl: 1s is too short'],
    [{ config: '.', trustDomain: 'Example.org' }, 'bad-argument: --trust-domain: "Example.org" can\'t be used'],
    [
      { config: '.', mesh: '/does/not/exist' },
      "not-found: can't read the mesh file: ENOENT: no such file or directory, open '/does/not/exist'",
    ],
  ];
  for (const [flags, message] of refused) {
    it(`refuse ${JSON.stringify(flags)}`, async () => {
      expect(await failure(flags)).to.equal(message);
    });
  }

  describe('with a mesh file', () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'coxswain-settings-'));
      await writeFile(join(folder, 'good.yaml'), 'trustDomain: prod.example\nenableAutoMtls: false\n');
      await writeFile(join(folder, 'bad.yaml'), 'trustDomian: prod.example\nenableAutoMtls: maybe\n');
    });
    after(async () => {
      await rm(folder, { recursive: true });
    });

    it('read it', async () => {
      const settings = await readSettings({ config: '.', mesh: join(folder, 'good.yaml') }, env);
      expect(settings.mesh).to.deep.equal({ ...defaultMesh, trustDomain: 'prod.example', enableAutoMtls: false });
    });

    it('name every error of it with its line', async () => {
      const message = await failure({ config: '.', mesh: join(folder, 'bad.yaml') });
      expect(message).to.match(/^bad-argument: the mesh file can't be used:\n/);
      expect(message).to.include('bad.yaml:1: trustDomian').and.include('bad.yaml:2: enableAutoMtls');
    });

    it('refuse a trust domain that says otherwise', async () => {
      const mesh = join(folder, 'good.yaml');
      expect(await failure({ config: '.', mesh, trustDomain: 'test.example' })).to.equal(
        'bad-argument: --trust-domain says test.example, the mesh file says prod.example',
      );
      expect((await readSettings({ config: '.', mesh, trustDomain: 'prod.example' }, env)).mesh.trustDomain).to.equal(
        'prod.example',
      );
    });
  });
});

describe('addresses and durations', () => {
  it('read and write the same text', () => {
    for (const text of ['127.0.0.1:15014', '[::1]:15014', 'istiod.example:15012', '0.0.0.0:0']) {
      expect(addressText(parseAddress('--x', text))).to.equal(text);
    }
  });

  it('take only literal loopback addresses for loopback', () => {
    const hosts = [
      '127.0.0.1',
      '127.1.2.3',
      '::1',
      'localhost',
      '0.0.0.0',
      '::',
      '10.0.0.1',
      '127.0.0.1.example',
      '128.0.0.1',
      '::ffff:127.0.0.1',
    ];
    expect(hosts.filter(isLoopback)).to.deep.equal(['127.0.0.1', '127.1.2.3', '::1']);
  });

  it('know milliseconds to days', () => {
    expect(['5ms', '90s', '15m', '24h', '7d'].map((text) => parseDuration('--x', text))).to.deep.equal([
      5, 90_000, 900_000, 86_400_000, 604_800_000,
    ]);
    for (const text of ['', '1', 'h', '1.5h', '-1h', '1h30m', '9999999999s']) {
      expect(() => parseDuration('--x', text), text).to.throw(MeshError, 'is no duration');
    }
  });

  it('keep state outside the working directory', () => {
    expect(defaultStateDir({ XDG_STATE_HOME: '/s' })).to.equal('/s/coxswain');
    expect(defaultStateDir({ COXSWAIN_STATE: '/x' })).to.equal('/x');
    expect(defaultStateDir({})).to.match(/^\/.*\.local\/state\/coxswain$/);
  });
});
