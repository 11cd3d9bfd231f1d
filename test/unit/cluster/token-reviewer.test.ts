import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import {
  createTokenReviewer,
  type TokenReviewer,
  type TokenReviewerOptions,
} from '../../../src/cluster/token-reviewer.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { Redacted } from '../../../src/lib/redacted.ts';
import { trustDomain } from '../../../src/model/ids.ts';
import { failure, hour, start } from '../ca/helpers.ts';
import { fakeClient, listLogger, until } from './helpers.ts';

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const claims = {
  iss: 'https://kubernetes.default.svc',
  sub: 'system:serviceaccount:shop:web',
  aud: ['coxswain'],
  exp: (start + hour) / 1000,
};

function jwt(
  changes: object = {},
  header: unknown = { alg: 'RS256' },
  signature = 'c2lnbmF0dXJlLW9mLXRoZS10b2tlbg',
): string {
  return `${part(header)}.${part({ ...claims, ...changes })}.${signature}`;
}

const good = {
  authenticated: true,
  audiences: ['coxswain'],
  user: {
    username: 'system:serviceaccount:shop:web',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/pod-name': ['web-1'], 'authentication.kubernetes.io/pod-uid': ['u'] },
  },
};

const web = {
  kind: 'proven',
  identity: { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' },
  pod: 'web-1',
  expiresAt: start + hour,
  by: 'service-account-token',
};

/** A reviewer over an API server that gives `status` (or throws it), and that counts. */
class World {
  readonly clock = new FakeClock(start);
  readonly log: string[] = [];
  readonly asked: unknown[] = [];
  status: unknown = good;
  hold: Promise<void> = Promise.resolve();
  readonly reviewer: TokenReviewer;

  constructor(options: Partial<TokenReviewerOptions> = {}) {
    const client = fakeClient(async (method, path, { body }) => {
      this.asked.push([method, path, body]);
      await this.hold;
      if (this.status instanceof Error) throw this.status;
      return { status: this.status };
    });
    const { clock } = this;
    this.reviewer = createTokenReviewer({
      client,
      clock,
      trustDomain: trustDomain('cluster.local'),
      log: listLogger(this.log),
      ...options,
    });
  }

  review(token = jwt()): Promise<unknown> {
    return this.reviewer.review(new Redacted(token));
  }

  async refusal(token = jwt()): Promise<readonly [string, string]> {
    const error = await failure(() => this.review(token));
    const text = `${error.stack} ${error.hint} ${JSON.stringify(error)} ${this.log.join()}`;
    for (const secret of token.split('.')) if (secret.length > 8) expect(text).not.to.include(secret);
    return [error.code, error.message];
  }
}

describe('cluster/token-reviewer', () => {
  it('asks the API server with our audiences, and believes its yes', async () => {
    const world = new World();
    expect(await world.review()).to.deep.equal(web);
    expect(world.asked).to.deep.equal([
      [
        'POST',
        '/apis/authentication.k8s.io/v1/tokenreviews',
        {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          spec: { token: jwt(), audiences: ['coxswain', 'istio-ca'] },
        },
      ],
    ]);
  });

  it('takes a token that is bound to no pod for its service account alone', async () => {
    const world = new World();
    world.status = { ...good, user: { ...good.user, extra: undefined } };
    expect(await world.review()).to.deep.equal({ ...web, pod: undefined });
  });

  it('takes one audience as text, and the other audience', async () => {
    const world = new World();
    world.status = { ...good, audiences: ['istio-ca'] };
    expect(await world.review(jwt({ aud: 'istio-ca' }))).to.deep.equal(web);
  });

  describe('refuses without asking', () => {
    const cases: readonly (readonly [what: string, token: string, reason: string])[] = [
      ['a word', 'junk', 'it is no JWT'],
      ['two parts', 'a.b', 'it is no JWT'],
      ['four parts', `${jwt()}.a`, 'it is no JWT'],
      ['an unsigned one', `${part({ alg: 'none' })}.${part(claims)}.`, 'it is no JWT'],
      ['one that says that it is unsigned', jwt({}, { alg: 'none' }), 'it is not signed'],
      ['one without an algorithm', jwt({}, {}), 'it is not signed'],
      ['parts that are no JSON', `${'x'.repeat(20)}.${'y'.repeat(20)}.z`, 'it is no JWT'],
      ['a header that is no object', jwt({}, ['RS256']), 'it is no JWT'],
      ['one that is too long', jwt({ more: 'x'.repeat(7000) }), 'it is no JWT'],
      ['one without issuer', jwt({ iss: undefined }), 'it has no issuer'],
      ['one of a user', jwt({ sub: 'alice' }), 'it is of no service account'],
      ['one without subject', jwt({ sub: undefined }), 'it is of no service account'],
      [
        'another audience',
        jwt({ aud: ['https://kubernetes.default.svc'] }),
        'it is not for audience coxswain or istio-ca',
      ],
      ['no audience', jwt({ aud: undefined }), 'it is not for audience coxswain or istio-ca'],
      ['one that never expires', jwt({ exp: undefined }), 'it never expires'],
      ['an expiry that is no number', jwt({ exp: '1e99' }), 'it never expires'],
      ['an expired one', jwt({ exp: start / 1000 }), 'it expired'],
    ];
    for (const [what, token, reason] of cases) {
      it(what, async () => {
        const world = new World();
        expect(await world.refusal(token)).to.deep.equal([
          'unauthenticated',
          `service account token refused: ${reason}`,
        ]);
        expect(world.asked).to.deep.equal([]);
      });
    }
  });

  describe('refuses what the API server says', () => {
    const unaccepted = 'the cluster does not accept it';
    const { user } = good;
    const account = 'it is of no service account';
    const cases: readonly (readonly [what: string, status: unknown, reason: string])[] = [
      ['no', { authenticated: false, error: 'token has expired' }, `${unaccepted}: token has expired`],
      ['nothing about it', { error: 'audiences are invalid' }, `${unaccepted}: audiences are invalid`],
      ['no status at all', undefined, unaccepted],
      ['something like yes', { ...good, authenticated: 'true' }, unaccepted],
      ['words that quote the token', { error: `can't parse ${jwt()}` }, unaccepted],
      ['another audience', { ...good, audiences: ['api'] }, 'it is for another audience'],
      ['no audience', { ...good, audiences: undefined }, 'it is for another audience'],
      ['a user', { ...good, user: { ...user, username: 'alice' } }, account],
      ['a user who sounds like one', { ...good, user: { ...user, username: 'system:serviceaccount:a:b:c' } }, account],
      ['a service account outside of the group', { ...good, user: { ...user, groups: ['admins'] } }, account],
      [
        'a name that fits in no SPIFFE ID',
        { ...good, user: { ...user, username: 'system:serviceaccount:a/b:c' } },
        'its service account has no SPIFFE ID',
      ],
    ];
    for (const [what, status, reason] of cases) {
      it(what, async () => {
        const world = new World();
        world.status = status;
        expect(await world.refusal()).to.deep.equal(['unauthenticated', `service account token refused: ${reason}`]);
      });
    }
  });

  it('asks once in a while, and again when that is over', async () => {
    const world = new World();
    await world.review();
    world.clock.advance(59_999);
    await world.review();
    expect(world.asked).to.have.length(1);
    world.status = { authenticated: false };
    world.clock.advance(1);
    expect((await world.refusal())[0]).to.equal('unauthenticated');
    expect(world.asked).to.have.length(2);
  });

  it('never believes longer than the token lives', async () => {
    const world = new World({ cacheMs: 10 * hour });
    await world.review();
    world.clock.advance(hour - 1);
    expect(await world.review()).to.deep.equal(web);
    world.clock.advance(1);
    expect(await world.refusal()).to.deep.equal(['unauthenticated', 'service account token refused: it expired']);
    expect(world.asked).to.have.length(1);
  });

  it('remembers a no for some seconds', async () => {
    const world = new World();
    world.status = { authenticated: false };
    await world.refusal();
    world.status = good;
    world.clock.advance(4_999);
    await world.refusal();
    expect(world.asked).to.have.length(1);
    world.clock.advance(1);
    expect(await world.review()).to.deep.equal(web);
  });

  it('asks once where many show one token at once', async () => {
    const world = new World();
    const all = await Promise.all(Array.from({ length: 50 }, () => world.review()));
    expect(all).to.deep.equal(Array.from({ length: 50 }, () => web));
    expect(world.asked).to.have.length(1);
  });

  it('keeps tokens apart by their signature too', async () => {
    const world = new World();
    await world.review();
    world.status = { authenticated: false };
    expect((await world.refusal(jwt({}, { alg: 'RS256' }, 'Zm9yZ2VkLXNpZ25hdHVyZQ')))[0]).to.equal('unauthenticated');
  });

  it('believes what it knows while the API server is down, and else asks to try again', async () => {
    const world = new World();
    await world.review();
    world.status = new MeshError('unavailable', 'connect ECONNREFUSED');
    const other = jwt({ sub: 'system:serviceaccount:shop:other' });
    const later = 'service account tokens can not be reviewed now: try again later';
    expect(await world.refusal(other)).to.deep.equal(['unavailable', later]);
    expect(await world.refusal(other)).to.deep.equal(['unavailable', later]);
    expect(await world.review()).to.deep.equal(web);
    world.clock.advance(60_000);
    expect(await world.refusal()).to.deep.equal(['unavailable', later]);
    world.status = good;
    expect(await world.review()).to.deep.equal(web);
    expect(world.log.map((line) => line.split('{')[0])).to.deep.equal([
      'error: no token can be reviewed: workloads without certificate can not connect ',
      'info: tokens are reviewed again ',
    ]);
  });

  it('does not blame the caller, nor quote him, where the API server refuses us', async () => {
    for (const code of ['unauthenticated', 'permission-denied', 'bad-argument'] as const) {
      const world = new World();
      world.status = new MeshError(code, code === 'bad-argument' ? `can't decode ${jwt()}` : 'forbidden');
      expect((await world.refusal())[0]).to.equal('unavailable');
      expect(world.log).to.have.length(1);
    }
  });

  it('bounds what a flood of different bad tokens asks, and loses nobody that it knows', async () => {
    const world = new World({ parallel: 4, waiting: 10 });
    await world.review();
    const gate = Promise.withResolvers<void>();
    world.hold = gate.promise;
    world.status = { authenticated: false };
    const codes: string[] = [];
    const flood = Array.from({ length: 100 }, async (_, at) => {
      const error = await failure(() => world.review(jwt({ jti: at })));
      codes.push(error.code);
    });
    await until(() => codes.length === 86);
    expect(world.asked).to.have.length(1 + 4);
    expect(await world.review()).to.deep.equal(web);
    gate.resolve();
    await Promise.all(flood);
    expect(world.asked).to.have.length(1 + 14);
    expect([codes.filter((code) => code === 'unavailable').length, codes.length]).to.deep.equal([86, 100]);
  });

  it('lets nobody wait longer than the API server may take', async () => {
    const world = new World({ parallel: 1 });
    const gate = Promise.withResolvers<void>();
    world.hold = gate.promise;
    const first = world.review(jwt({ jti: 1 }));
    const second = failure(() => world.review(jwt({ jti: 2 })));
    await until(() => world.asked.length === 1);
    await setImmediate();
    world.clock.advance(5_000);
    expect((await second).code).to.equal('unavailable');
    gate.resolve();
    expect(await first).to.deep.equal(web);
    expect(await world.review(jwt({ jti: 3 }))).to.deep.equal(web);
  });
});
