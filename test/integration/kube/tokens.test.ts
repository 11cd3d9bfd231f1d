import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { createTokenReviewer, type TokenReviewer } from '../../../src/cluster/token-reviewer.ts';
import { type Clock, FakeClock, systemClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { Redacted } from '../../../src/lib/redacted.ts';
import { trustDomain } from '../../../src/model/ids.ts';
import { kubeFiles } from '../../../src/sandbox/kube/server.ts';
import { checkClaim } from '../../../src/xds/identity.ts';
import type { NodeClaim } from '../../../src/xds/node.ts';
import { type KubeCluster, startKubeCluster } from '../../support/kube-cluster.ts';

const shop = '/api/v1/namespaces/shop';

describe('integration: service account tokens', function () {
  this.timeout(120_000);
  let cluster: KubeCluster;

  before(async () => {
    cluster = await startKubeCluster();
    await cluster.apply(`
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: web, namespace: shop }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: leaving, namespace: shop }
`);
    for (const name of ['web-1', 'web-2']) await createPod(name);
  });

  after(() => cluster[Symbol.asyncDispose]());

  async function createPod(name: string): Promise<void> {
    const spec = { serviceAccountName: 'web', containers: [{ name: 'app', image: 'app' }] };
    await cluster.client.create(`${shop}/pods`, { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
  }

  /** By the TokenRequest API, as kubelet asks for it. */
  async function token(
    options: { readonly account?: string; readonly audience?: string; readonly pod?: string } = {},
  ): Promise<string> {
    const { account = 'web', audience = 'coxswain', pod } = options;
    const uid = pod === undefined ? undefined : (await cluster.client.get(`${shop}/pods/${pod}`)).metadata.uid;
    const bound = pod === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod, uid } };
    const answer = await cluster.client.request('POST', `${shop}/serviceaccounts/${account}/token`, {
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { audiences: [audience], expirationSeconds: 600, ...bound },
      },
    });
    return (answer as { readonly status: { readonly token: string } }).status.token;
  }

  /** A token like another one, with other claims, signed with a key. */
  function forge(like: string, changes: object, key: KeyObject): string {
    const [header = '', body = ''] = like.split('.');
    const claims: object = JSON.parse(Buffer.from(body, 'base64url').toString());
    const text = `${header}.${Buffer.from(JSON.stringify({ ...claims, ...changes })).toString('base64url')}`;
    return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
  }

  const expiry = (of: string): number =>
    1000 * (JSON.parse(Buffer.from(of.split('.')[1] ?? '', 'base64url').toString()) as { readonly exp: number }).exp;

  const reviewer = (clock: Clock = systemClock): TokenReviewer =>
    createTokenReviewer({
      client: cluster.client,
      trustDomain: trustDomain('cluster.local'),
      clock,
      log: silentLogger,
    });

  const web = (of: string, pod?: string): object => ({
    kind: 'proven',
    identity: { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' },
    pod,
    expiresAt: expiry(of),
    by: 'service-account-token',
  });

  async function refusal(of: string, by = reviewer()): Promise<string> {
    try {
      await by.review(new Redacted(of));
    } catch (thrown) {
      const { code, message } = MeshError.from(thrown);
      for (const part of of.split('.')) expect(message).not.to.include(part);
      return `${code}: ${message}`;
    }
    throw new Error('it was accepted');
  }

  const unaccepted = 'unauthenticated: service account token refused: the cluster does not accept it';

  it('proves the service account, and the pod that the token is bound to', async () => {
    const bound = await token({ pod: 'web-1' });
    expect(await reviewer().review(new Redacted(bound))).to.deep.equal(web(bound, 'web-1'));
    const unbound = await token();
    expect(await reviewer().review(new Redacted(unbound))).to.deep.equal(web(unbound));
  });

  it('takes the audience of other agents', async () => {
    const other = await token({ audience: 'istio-ca' });
    expect(await reviewer().review(new Redacted(other))).to.deep.equal(web(other));
  });

  it('refuses the token that pods use for the API server', async () => {
    const other = await token({ audience: 'https://kubernetes.default.svc' });
    expect(await refusal(other)).to.equal(
      'unauthenticated: service account token refused: it is not for audience coxswain or istio-ca',
    );
  });

  it('refuses a token whose claims were changed, and one with a key of its own', async () => {
    const good = await token();
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const changed = good.replace(/\.[^.]+\./, `.${forge(good, { more: 'x' }, privateKey).split('.')[1]}.`);
    expect(await refusal(changed)).to.match(new RegExp(`^${unaccepted}`));
    expect(await refusal(forge(good, {}, privateKey))).to.match(new RegExp(`^${unaccepted}`));
  });

  it('refuses an expired one, by our clock and by that of the API server', async () => {
    const key = createPrivateKey(await readFile(join(cluster.server.dir, kubeFiles.serviceAccountKey), 'utf8'));
    const good = await token({ pod: 'web-1' });
    const now = Math.floor(Date.now() / 1000);
    const expired = forge(good, { iat: now - 7200, nbf: now - 7200, exp: now - 3600 }, key);
    expect(await refusal(expired)).to.equal('unauthenticated: service account token refused: it expired');
    const behind = reviewer(new FakeClock(Date.now() - 7_200_000));
    expect(await refusal(expired, behind)).to.match(new RegExp(`^${unaccepted}.*expired`));
    // The same forger's token of today is good: nothing but the time was wrong.
    const today = forge(good, { iat: now - 60, nbf: now - 60, exp: now + 600 }, key);
    expect(await reviewer().review(new Redacted(today))).to.deep.equal(web(today, 'web-1'));
  });

  it('does not let a pod speak for another one', async () => {
    const bound = await token({ pod: 'web-1' });
    const peer = await reviewer().review(new Redacted(bound));
    const claim = (name: string): NodeClaim => ({
      id: `sidecar~10.0.0.1~${name}.shop~shop.svc.cluster.local`,
      kind: 'sidecar',
      ip: '10.0.0.1',
      name,
      namespace: 'shop',
      serviceAccount: 'web',
      labels: {},
      version: undefined,
      routes: undefined,
    });
    expect(checkClaim(claim('web-1'), peer, 'delta', true).name).to.equal('web-1');
    for (const wrong of [
      claim('web-2'),
      { ...claim('web-1'), namespace: 'other' },
      { ...claim('web-1'), serviceAccount: 'leaving' },
    ]) {
      expect(() => checkClaim(wrong, peer, 'delta', true))
        .to.throw(MeshError)
        .with.property('code', 'permission-denied');
    }
  });

  it('refuses the token of a pod that is gone, even where another has its name', async () => {
    await createPod('web-3');
    const bound = await token({ pod: 'web-3' });
    await cluster.client.remove(`${shop}/pods/web-3`);
    expect(await refusal(bound)).to.match(new RegExp(`^${unaccepted}`));
    await createPod('web-3');
    expect(await refusal(bound)).to.match(new RegExp(`^${unaccepted}`));
  });

  it('refuses the token of a service account that is gone', async () => {
    const leaving = await token({ account: 'leaving' });
    await cluster.client.remove(`${shop}/serviceaccounts/leaving`);
    expect(await refusal(leaving)).to.match(new RegExp(`^${unaccepted}`));
  });

  it('bridges an API server that is down for those it knows', async () => {
    const clock = new FakeClock(Date.now());
    const by = reviewer(clock);
    const [known, unknown] = [await token({ pod: 'web-1' }), await token({ pod: 'web-2' })];
    await by.review(new Redacted(known));
    await cluster.killApiServer();
    try {
      clock.advance(59_000);
      expect(await by.review(new Redacted(known))).to.deep.equal(web(known, 'web-1'));
      const later = 'unavailable: service account tokens can not be reviewed now: try again later';
      expect(await refusal(unknown, by)).to.equal(later);
      clock.advance(1_000);
      expect(await refusal(known, by)).to.equal(later);
    } finally {
      await cluster.startApiServer();
    }
    expect(await by.review(new Redacted(unknown))).to.deep.equal(web(unknown, 'web-2'));
    expect(await by.review(new Redacted(known))).to.deep.equal(web(known, 'web-1'));
  });
});
