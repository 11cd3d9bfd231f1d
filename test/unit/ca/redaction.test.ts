import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { createAuthenticator } from '../../../src/ca/authenticate.ts';
import { openJoinKeys } from '../../../src/ca/join-keys.ts';
import { issueJoinToken } from '../../../src/ca/join-token.ts';
import { openAuthority } from '../../../src/ca/open-authority.ts';
import { createSecretProvider } from '../../../src/ca/secrets.ts';
import { openServingCertificate } from '../../../src/ca/serving.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { mesh, start, temporaryDirectory, webapp } from './helpers.ts';

/** Every way in which an object turns into text by itself. */
function texts(value: object): readonly string[] {
  const deep = { depth: 50, maxArrayLength: 10_000, maxStringLength: 100_000 };
  return [
    String(value),
    JSON.stringify(value) ?? '',
    JSON.stringify([value, { value }]),
    JSON.stringify({ ...value }),
    inspect(value, deep),
    inspect(value, { ...deep, showHidden: true, getters: true }),
    inspect({ ...value }, { ...deep, showHidden: true, getters: true }),
  ];
}

/** What a leaked PEM key or token would look like: as text, as hex and as numbers. */
function traces(secret: string): readonly string[] {
  const piece = secret.replaceAll(/-----[^-]+-----|\n/g, '').slice(30, 50);
  const bytes = Buffer.from(piece);
  return [
    piece,
    bytes.toString('hex'),
    bytes.toString('hex').replaceAll(/..(?=.)/g, '$& '),
    [...bytes].join(','),
    bytes.toString('base64').slice(0, 24),
  ];
}

describe('ca: nothing secret is printed', () => {
  it('by any object that holds a key or a token', async () => {
    await using directory = await temporaryDirectory();
    const clock = new FakeClock(start);
    const authority = await openAuthority(directory.path, { trustDomain: mesh, clock });
    const keys = await openJoinKeys(directory.path);
    const token = await issueJoinToken(keys, { identity: webapp, pod: 'p', ttlMs: 3_600_000 }, clock);
    const common = { authority, clock, random: () => 0.5, log: silentLogger };
    const provider = createSecretProvider(common);
    const proxy = {
      id: 'x',
      kind: 'sidecar',
      ip: '10.0.0.1',
      name: 'p',
      namespace: 'n',
      serviceAccount: 's',
      labels: {},
      routes: 'inline',
    } as const;
    const peer = { kind: 'proven', identity: webapp, pod: 'p', expiresAt: start, by: 'join-token' } as const;
    using attachment = provider.attach(proxy, peer, () => undefined);
    const resource = attachment.layers()[1]?.resources.get('default');
    if (resource === undefined) throw new Error('no certificate');
    const key = /-----BEGIN PRIVATE KEY-----[^-]+/.exec(Buffer.from(resource.body).toString('latin1'))?.[0] ?? '';
    using serving = openServingCertificate({ ...common, dnsNames: ['localhost'], ipAddresses: [] }, () => undefined);
    const authenticator = createAuthenticator({
      authority,
      joinKeys: keys,
      clock,
      trustDomainAliases: [],
      allowPlaintext: false,
    });

    const secrets = [
      await readFile(join(directory.path, 'ca/ca-key.pem'), 'utf8'),
      await readFile(join(directory.path, 'join/key.pem'), 'utf8'),
      token.reveal(),
      key,
      String(serving.context.reveal().key),
    ];
    const objects = {
      authority,
      keys,
      token,
      provider,
      attachment,
      layers: attachment.layers(),
      resource,
      serving,
      context: serving.context,
      authenticator,
      derived: authority.derive('x'),
    };
    for (const secret of secrets) expect(secret.length).to.be.greaterThan(150);
    for (const [name, object] of Object.entries(objects)) {
      const all = texts(object).join('\n');
      for (const secret of secrets) for (const trace of traces(secret)) expect(all, name).not.to.include(trace);
    }
  });

  it('and the check above would notice', () => {
    const secret = `-----BEGIN PRIVATE KEY-----\n${'0123456789abcdefghijklmnopqrstuvwxyz'.repeat(3)}\n-----END PRIVATE KEY-----\n`;
    const leaks = [
      { secret },
      { bytes: Buffer.from(secret) },
      { array: new Uint8Array(Buffer.from(secret)) },
      new Map([['a', { secret }]]),
    ];
    for (const leak of leaks) {
      expect(
        traces(secret).some((trace) =>
          texts(leak)
            .join('\n')
            .replaceAll(/\s*,\s*/g, ',')
            .includes(trace),
        ),
      ).to.equal(true);
    }
  });
});
