import { systemClock } from '../../src/lib/clock.ts';
import { MeshError } from '../../src/lib/errors.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { trustDomain } from '../../src/model/ids.ts';
import type { Authenticator, Peer } from '../../src/xds/provider.ts';
import { createXdsServer } from '../../src/xds/server.ts';
import type { XdsServer, XdsServerOptions } from '../../src/xds/server-types.ts';
import { FakeProvider } from './xds-provider.ts';

/** Believes tokens `<namespace>/<service account>[/<pod>][@<expiry in ms>]`, and everybody on plaintext without one. */
export const fakeAuthenticator: Authenticator = {
  authenticate({ authorization, plaintext }) {
    const match = /^Bearer ([^/]+)\/([^/@]+)(?:\/([^@]+))?(?:@(\d+))?$/.exec(authorization);
    if (match !== null) {
      const [, namespace = '', serviceAccount = '', pod, expiry] = match;
      const peer: Peer = {
        kind: 'proven',
        identity: { trustDomain: trustDomain('cluster.local'), namespace, serviceAccount },
        pod,
        expiresAt: expiry === undefined ? Number.MAX_SAFE_INTEGER : Number(expiry),
        by: 'join-token',
      };
      return Promise.resolve(peer);
    }
    return plaintext && authorization === ''
      ? Promise.resolve({ kind: 'insecure' })
      : Promise.reject(new MeshError('unauthenticated', 'no valid token'));
  },
};

/** A server on a free loopback port, with fakes behind it. */
export async function startServer(
  options: Partial<XdsServerOptions> = {},
): Promise<AsyncDisposable & { readonly server: XdsServer; readonly port: number; readonly provider: FakeProvider }> {
  const provider = new FakeProvider();
  const server = createXdsServer({
    provider,
    authenticator: fakeAuthenticator,
    clock: systemClock,
    log: silentLogger,
    ...options,
  });
  const port = await server.listenInsecure('127.0.0.1:0');
  return { server, port, provider, [Symbol.asyncDispose]: () => server.close(0) };
}
