import { generateKeyPairSync } from 'node:crypto';
import { chmod, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { calculateJwkThumbprint, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { type JoinKeys, openJoinKeys } from '../../../src/ca/join-keys.ts';
import { issueJoinToken, verifyJoinToken } from '../../../src/ca/join-token.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { Redacted } from '../../../src/lib/redacted.ts';
import { failure, hour, mesh, start, temporaryDirectory, webapp } from './helpers.ts';

const day = 24 * hour;

describe('ca/join-token', () => {
  let keys: JoinKeys;
  before(async () => {
    await using directory = await temporaryDirectory();
    keys = await openJoinKeys(directory.path);
  });

  const verify = (token: string, now = start) =>
    verifyJoinToken(new Redacted(token), {
      keys,
      clock: new FakeClock(now),
      trustDomain: mesh,
      trustDomainAliases: ['old.example'],
    });

  const claims = (change: Readonly<Record<string, unknown>> = {}): JWTPayload =>
    Object.fromEntries(
      Object.entries({
        iss: 'coxswain',
        aud: 'coxswain',
        sub: 'system:serviceaccount:istioinaction:webapp',
        pod: 'webapp-1',
        trust_domain: 'cluster.local',
        iat: start / 1000,
        exp: (start + day) / 1000,
        jti: 'one',
        ...change,
      }).filter(([, value]) => value !== undefined),
    );

  /** A token that is ours but for what is changed. */
  const signed = (
    change: Readonly<Record<string, unknown>> = {},
    header: Partial<JWTHeaderParameters> = {},
  ): Promise<string> =>
    new SignJWT(claims(change))
      .setProtectedHeader({ alg: 'ES256', kid: keys.id, typ: 'JWT', ...header })
      .sign(keys.privateKey);

  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  it('proves the workload that it was issued for', async () => {
    const token = await issueJoinToken(keys, { identity: webapp, pod: 'webapp-1', ttlMs: day }, new FakeClock(start));
    expect(await verify(token.reveal())).to.deep.equal({
      kind: 'proven',
      identity: webapp,
      pod: 'webapp-1',
      expiresAt: start + day,
      by: 'join-token',
    });
  });

  it('holds its claims in the open form of a JWT', async () => {
    const token = await issueJoinToken(
      keys,
      { identity: webapp, pod: undefined, ttlMs: hour },
      new FakeClock(start + 999),
    );
    const json = (part: string | undefined) => JSON.parse(Buffer.from(part ?? '', 'base64url').toString());
    const parts = token.reveal().split('.');
    const [header, payload] = [json(parts[0]), json(parts[1])];
    expect(header).to.deep.equal({ alg: 'ES256', kid: keys.id, typ: 'JWT' });
    expect(payload.jti).to.match(/^[0-9a-f-]{36}$/);
    expect(payload).to.deep.equal({ ...claims({ pod: undefined, jti: payload.jti, exp: start / 1000 + 3600 }) });
  });

  it('may leave the pod open', async () => {
    expect((await verify(await signed({ pod: undefined }))).pod).to.equal(undefined);
  });

  it('of an alias of the trust domain counts as ours', async () => {
    expect((await verify(await signed({ trust_domain: 'old.example' }))).identity).to.deep.equal(webapp);
  });

  it('holds until its last second, and a clock may be a minute behind', async () => {
    const token = await signed();
    expect((await verify(token, start + day - 1000)).kind).to.equal('proven');
    expect((await verify(token, start - 60_000)).kind).to.equal('proven');
  });

  describe('what it refuses', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const with_ = (change: Readonly<Record<string, unknown>>) => () => signed(change);
    const shape = 'it is not a well-formed JWT';
    const subject = 'its subject is not system:serviceaccount:<namespace>:<service account>';
    const flip = (token: string, at: number): string =>
      token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    const cases: readonly (readonly [what: string, make: () => Promise<string>, reason: string, now?: number])[] = [
      ['an expired token', () => signed(), 'it expired at 2024-01-02T00:00:00.000Z', start + day],
      ['another audience', with_({ aud: 'istio-ca' }), 'it is for audience "istio-ca", not "coxswain"'],
      ['another issuer', with_({ iss: 'kubernetes' }), 'its issuer is "kubernetes", not "coxswain"'],
      ['no audience', with_({ aud: undefined }), 'its claim aud is missing'],
      ['no end', with_({ exp: undefined }), 'its claim exp is missing'],
      ['no start', with_({ iat: undefined }), 'its claim iat is missing'],
      ['no subject', with_({ sub: undefined }), 'its claim sub is missing'],
      ['no identifier', with_({ jti: undefined }), 'its claim jti is missing'],
      ['an end that is no number', with_({ exp: 'never' }), 'its claim exp is not acceptable'],
      [
        'a start in the future',
        with_({ iat: start / 1000 + 61, exp: (start + day) / 1000 }),
        'it was issued in the future',
      ],
      ['a subject of another form', with_({ sub: 'webapp' }), subject],
      ['a subject with a path in it', with_({ sub: 'system:serviceaccount:a/sa/b:c' }), subject],
      ['a subject with a part too many', with_({ sub: 'system:serviceaccount:a:b:c' }), subject],
      ['a pod that is no name', with_({ pod: 7 }), 'its pod is not a name'],
      ['an empty pod', with_({ pod: '' }), 'its pod is not a name'],
      [
        'another trust domain',
        with_({ trust_domain: 'evil.example' }),
        'it is for trust domain "evil.example", not "cluster.local"',
      ],
      ['no trust domain', with_({ trust_domain: undefined }), 'it is for trust domain undefined, not "cluster.local"'],
      [
        'the key of another control plane',
        () => signed({}, { kid: 'other' }),
        'it was signed with a key that this control plane does not have',
      ],
      [
        'a header without a key id',
        async () => (await signed()).replace(/^[^.]+/, encoded({ alg: 'ES256', typ: 'JWT' })),
        'it was signed with a key that this control plane does not have',
      ],
      [
        'another key under our id',
        () => new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', kid: keys.id, typ: 'JWT' }).sign(other),
        'its signature is wrong',
      ],
      [
        'changed claims',
        async () =>
          (await signed()).replace(
            /\.[^.]+\./,
            `.${encoded(claims({ sub: 'system:serviceaccount:istio-system:admin' }))}.`,
          ),
        'its signature is wrong',
      ],
      [
        'a changed signature',
        async () => flip(await signed(), (await signed()).lastIndexOf('.') + 5),
        'its signature is wrong',
      ],
      ['no signature', async () => (await signed()).replace(/[^.]+$/, ''), 'its signature is wrong'],
      [
        'alg none',
        async () => `${encoded({ alg: 'none', kid: keys.id, typ: 'JWT' })}.${encoded(claims())}.`,
        'it is not signed with ES256',
      ],
      [
        'HMAC with our public key as secret',
        () =>
          new SignJWT(claims())
            .setProtectedHeader({ alg: 'HS256', kid: keys.id, typ: 'JWT' })
            .sign(keys.publicKey.export({ type: 'spki', format: 'der' })),
        'it is not signed with ES256',
      ],
      [
        'RSA',
        () => new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', kid: keys.id, typ: 'JWT' }).sign(rsa),
        'it is not signed with ES256',
      ],
      ['another type of token', () => signed({}, { typ: 'at+jwt' }), 'its claim typ is not acceptable'],
      [
        'an extension that must be understood',
        async () =>
          (await signed()).replace(/^[^.]+/, encoded({ alg: 'ES256', kid: keys.id, typ: 'JWT', crit: ['x'], x: 1 })),
        'it can not be verified',
      ],
      ['two parts', async () => (await signed()).replace(/\.[^.]+$/, ''), shape],
      ['five parts', async () => `${await signed()}.a.b`, shape],
      ['a header that is no JSON', async () => (await signed()).replace(/^[^.]+/, 'AAAA'), shape],
      ['claims that are no JSON', () => Promise.resolve('AAAA.BBBB.CCCC'), shape],
      ['any text', () => Promise.resolve('hello'), shape],
    ];
    for (const [what, make, reason, now] of cases) {
      it(what, async () => {
        const token = await make();
        const error = await failure(() => verify(token, now));
        expect([error.code, error.message]).to.deep.equal(['unauthenticated', `join token refused: ${reason}`]);
        const all = `${error.stack} ${error.hint} ${JSON.stringify(error)} ${String(error.cause)}`;
        for (const piece of token.split('.').filter((each) => each.length > 5)) expect(all).not.to.include(piece);
      });
    }
  });

  describe('what is not issued', () => {
    const spiffe = 'not a workload SPIFFE ID (want spiffe://<trust domain>/ns/<namespace>/sa/<service account>): ';
    const cases: readonly (readonly [what: string, serviceAccount: string, ttlMs: number, message: string])[] = [
      ['a token without an account', '', hour, `${spiffe}"spiffe://cluster.local/ns/istioinaction/sa/"`],
      ['a token for a path', 'a/b', hour, `${spiffe}"spiffe://cluster.local/ns/istioinaction/sa/a/b"`],
      ['a token of no life', 'a', 0, 'a join token lives for 1 second to 90 days, not 0 seconds'],
      ['a token for half a year', 'a', 180 * day, 'a join token lives for 1 second to 90 days, not 15552000 seconds'],
      [
        'a token for ever',
        'a',
        Number.POSITIVE_INFINITY,
        'a join token lives for 1 second to 90 days, not Infinity seconds',
      ],
    ];
    for (const [what, serviceAccount, ttlMs, message] of cases) {
      it(what, async () => {
        const error = await failure(() =>
          issueJoinToken(
            keys,
            { identity: { ...webapp, serviceAccount }, pod: undefined, ttlMs },
            new FakeClock(start),
          ),
        );
        expect([error.code, error.message]).to.deep.equal(['bad-argument', message]);
      });
    }
  });
});

describe('ca/join-keys', () => {
  it('makes a key for the owner alone, once', async () => {
    await using directory = await temporaryDirectory();
    const all = await Promise.all(Array.from({ length: 4 }, () => openJoinKeys(directory.path)));
    const again = await openJoinKeys(directory.path);
    expect(new Set([...all, again].map(({ id }) => id)).size).to.equal(1);
    const path = join(directory.path, 'join');
    expect(await readdir(directory.path)).to.deep.equal(['join']);
    expect([(await stat(path)).mode & 0o777, (await stat(join(path, 'key.pem'))).mode & 0o777]).to.deep.equal([
      0o700, 0o600,
    ]);
  });

  it('names a key by its RFC 7638 thumbprint', async () => {
    await using directory = await temporaryDirectory();
    const { id, publicKey } = await openJoinKeys(directory.path);
    expect(id).to.equal(await calculateJwkThumbprint(publicKey.export({ format: 'jwk' })));
  });

  it('refuses a key that others may read', async () => {
    await using directory = await temporaryDirectory();
    await openJoinKeys(directory.path);
    const path = join(directory.path, 'join/key.pem');
    await chmod(path, 0o644);
    const error = await failure(() => openJoinKeys(directory.path));
    expect(error.message).to.equal(`${path} holds a private key and is open to others (mode 0644)`);
    expect(error.hint).to.equal(`chmod 600 ${path}, if nobody can have read it; else replace the key`);
  });

  const rsa = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  for (const [what, text] of [
    ['junk', 'junk'],
    ['an RSA key', rsa.privateKey],
    ['a public key', rsa.publicKey],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await using directory = await temporaryDirectory();
      await openJoinKeys(directory.path);
      const path = join(directory.path, 'join/key.pem');
      await writeFile(path, text);
      expect((await failure(() => openJoinKeys(directory.path))).message).to.equal(
        `${path} is not an ECDSA P-256 private key in PEM`,
      );
    });
  }
});
