import { expect } from 'chai';
import type { KubeClient, KubeRequest } from '../../../../src/kube/client.ts';
import { FakeClock } from '../../../../src/lib/clock.ts';
import type { Pod } from '../../../../src/sandbox/kube/pod.ts';
import { PodTokens } from '../../../../src/sandbox/kube/pod-tokens.ts';

const pod: Pod = {
  metadata: { name: 'web', namespace: 'foo', uid: 'u-1' },
  spec: { serviceAccountName: 'web', containers: [] },
};
const source = { path: 'token', audience: 'coxswain', expirationSeconds: 600 };

/** Answers TokenRequests with tokens that are numbered. */
function fakeClient(clock: FakeClock) {
  const asked: unknown[] = [];
  let broken = false;
  const never = (): never => {
    throw new Error('not asked for here');
  };
  const client: KubeClient = {
    server: 'https://fake',
    namespace: 'default',
    request: async (method: string, path: string, options: KubeRequest = {}) => {
      if (broken) throw new Error('no answer');
      asked.push({ method, path, body: options.body });
      const expirationTimestamp = new Date(clock.now() + 600_000).toISOString();
      return { status: { token: `token ${asked.length}`, expirationTimestamp } };
    },
    ...{ stream: never, get: never, create: never, replace: never, apply: never, remove: never },
    [Symbol.dispose]: () => undefined,
  };
  return {
    client,
    asked,
    setBroken: (value: boolean): void => {
      broken = value;
    },
  };
}

describe('PodTokens', () => {
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('asks for a token that is bound to the pod, once, and again when most of its life is over', async () => {
    const clock = new FakeClock(1_000_000);
    const { client, asked, setBroken } = fakeClient(clock);
    let renewed = 0;
    using tokens = new PodTokens(pod, client, clock, 0.8, () => {
      renewed += 1;
    });
    expect(tokens.get(source)).to.equal(undefined);
    await tokens.fetch([source]);
    await tokens.fetch([source]);
    expect(asked).to.deep.equal([
      {
        method: 'POST',
        path: '/api/v1/namespaces/foo/serviceaccounts/web/token',
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: {
            audiences: ['coxswain'],
            expirationSeconds: 600,
            boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'u-1' },
          },
        },
      },
    ]);
    clock.advance(479_000);
    await settle();
    expect([tokens.get(source), renewed]).to.deep.equal(['token 1', 0]);
    setBroken(true);
    clock.advance(1_000);
    await settle();
    expect([tokens.get(source), renewed]).to.deep.equal(['token 1', 0]);
    setBroken(false);
    clock.advance(1_000);
    await settle();
    expect([tokens.get(source), renewed]).to.deep.equal(['token 2', 1]);
  });
});
