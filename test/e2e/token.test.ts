import { stat } from 'node:fs/promises';
import { expect } from 'chai';
import { refreshToken } from '../../src/agent/bootstrap-files.ts';
import { openJoinKeys } from '../../src/ca/join-keys.ts';
import { issueJoinToken } from '../../src/ca/join-token.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { trustDomain } from '../../src/model/ids.ts';
import { shortAnswer, workloadSerial } from '../support/behaviour-envoy.ts';
import { envoysUnderTest, Mesh } from '../support/e2e-mesh.ts';
import { allow, meshMode } from '../support/e2e-policies.ts';
import { eventually } from '../support/sandbox.ts';

for (const envoy of envoysUnderTest()) {
  describe(`an expired join token on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path);
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    /** Puts a token into the pod of other.foo, as whoever renews tokens does. */
    async function giveToken(ttlMs: number): Promise<void> {
      const keys = await openJoinKeys(mesh.sandbox.path('state'));
      const identity = { trustDomain: trustDomain('cluster.local'), namespace: 'foo', serviceAccount: 'other' };
      const token = await issueJoinToken(keys, { identity, pod: 'other', ttlMs }, systemClock);
      const directory = mesh.sandbox.path('pods/other.foo/sidecar');
      const { uid, gid } = await stat(directory);
      await refreshToken(directory, token, { uid, gid });
    }

    /** Streams of the pod that the control plane serves. */
    async function streams(): Promise<number> {
      const entries: readonly unknown[] = JSON.parse((await mesh.sandbox.admin('/debug/syncz?proxyID=other.foo')).body);
      return entries.length;
    }

    async function refused(): Promise<number> {
      const { body } = await mesh.sandbox.admin('/metrics');
      return Number(/^coxswain_xds_streams_refused_total (\d+)$/m.exec(body)?.[1]);
    }

    const call = async (): Promise<string> =>
      shortAnswer(await mesh.probe('sleep.foo').ask('http', { host: 'other.foo', port: 80, path: '/' }));

    it('ends the stream and nothing else; with a new one the sidecar comes back, and takes what it missed', async () => {
      await mesh.enforce([meshMode('STRICT')]);
      await giveToken(3_000);
      await mesh.sandbox.restartEnvoy('other.foo');
      expect(await streams()).to.equal(1);
      const before = await refused();
      const serial = await workloadSerial(mesh.probe('other.foo'));

      await eventually('the stream to end with its token', async () => ((await streams()) === 0 ? true : undefined));
      await eventually('the old token to be refused', async () => ((await refused()) > before ? true : undefined));
      expect(await call()).to.equal('200');
      await mesh.write([meshMode('STRICT'), allow(undefined, {})]);
      await eventually('the others to take a policy', async () => {
        const answer = await mesh.probe('sleep.foo').ask('http', { host: 'server.foo', port: 80, path: '/' });
        return shortAnswer(answer) === '403' ? true : undefined;
      });
      expect(await streams()).to.equal(0);
      expect(await call()).to.equal('200');

      await giveToken(3_600_000);
      await eventually('the stream to come back', async () => ((await streams()) === 1 ? true : undefined), 15_000);
      await mesh.settled();
      expect(await call()).to.equal('403');
      expect(await workloadSerial(mesh.probe('other.foo'))).to.equal(serial);
    });
  });
}
