import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { openJoinKeys } from '../../src/ca/join-keys.ts';
import { issueJoinToken } from '../../src/ca/join-token.ts';
import { openAuthority } from '../../src/ca/open-authority.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { trustDomain } from '../../src/model/ids.ts';
import { shortAnswer } from '../support/behaviour-envoy.ts';
import { attemptOf, knock } from '../support/behaviour-xds.ts';
import { Mesh, newestEnvoy } from '../support/e2e-mesh.ts';
import { toYaml } from '../support/e2e-world.ts';
import { eventually } from '../support/sandbox.ts';

const domain = trustDomain('cluster.local');

/** A root and a token for sleep.foo that look right in everything but who made them. */
async function forgeries(): Promise<AsyncDisposable & { readonly rootFile: string; readonly tokenFile: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'coxswain-test-'));
  await chmod(directory, 0o700);
  const { roots } = await openAuthority(directory, { trustDomain: domain, clock: systemClock });
  const identity = { trustDomain: domain, namespace: 'foo', serviceAccount: 'sleep' };
  const keys = await openJoinKeys(directory);
  const token = await issueJoinToken(keys, { identity, pod: 'sleep', ttlMs: 3_600_000 }, systemClock);
  const [rootFile, tokenFile] = [join(directory, 'other-root.pem'), join(directory, 'other-token')];
  await Promise.all([
    writeFile(rootFile, roots.join('')),
    writeFile(tokenFile, `Bearer ${token.reveal()}`, { mode: 0o600 }),
  ]);
  return { rootFile, tokenFile, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}

describe('identity', () => {
  let mesh: Mesh;

  before(async () => {
    mesh = await Mesh.up(newestEnvoy());
  });

  after(async () => {
    await mesh[Symbol.asyncDispose]();
  });

  it('of a proxy is what its token proves, whatever its node claims', async () => {
    await using forged = await forgeries();
    const thief = (more: Partial<ReturnType<typeof attemptOf>> = {}) => attemptOf(mesh.sandbox, 'sleep.foo', more);
    const { tokenFile: _, ...bare } = thief();
    const outcomes = await knock(mesh.sandbox, [
      thief(),
      thief({ claim: { pod: 'server.foo' } }),
      thief({ claim: { pod: 'sleep.bar' } }),
      thief({ claim: { pod: 'sleep.foo', serviceAccount: 'server' } }),
      bare,
      thief({ tokenFile: forged.tokenFile }),
      thief({ rootFile: forged.rootFile }),
    ]);
    const denied = (details: string) => ({ kind: 'refused', code: status.PERMISSION_DENIED, details, received: 0 });
    const unproven = (details: string) => ({ kind: 'refused', code: status.UNAUTHENTICATED, details, received: 0 });
    const proof = 'namespace foo, service account sleep';
    expect(outcomes.slice(0, -1)).to.deep.equal([
      { kind: 'served', resources: ['default'] },
      denied(`node claims to be server, but its proof is for sleep (${proof})`),
      denied(`node claims namespace bar, but its proof is for ${proof}`),
      denied(`node claims service account server, but its proof is for ${proof}`),
      unproven('no client certificate that this mesh signed, and no bearer token'),
      unproven('join token refused: it was signed with a key that this control plane does not have'),
    ]);
    const stranger = outcomes.at(-1);
    expect(stranger).to.deep.include({ kind: 'refused', code: status.UNAVAILABLE, received: 0 });
    expect(stranger)
      .to.have.property('details')
      .that.matches(/certificate/);
  });

  it('of a server must be one that runs behind the service: an impostor gets no request', async () => {
    await mesh.sandbox.apply(
      toYaml([
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'claimed', namespace: 'foo' },
          spec: { selector: { app: 'claimed' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
        },
      ]),
    );
    // Where other.foo runs, said to be what runs as this account.
    const claim = (serviceAccount: string) =>
      mesh.sandbox.apply(
        toYaml([
          {
            apiVersion: 'networking.istio.io/v1',
            kind: 'WorkloadEntry',
            metadata: { name: 'claimed', namespace: 'foo' },
            spec: {
              address: mesh.sandbox.pod('other.foo').ip,
              labels: { app: 'claimed', 'security.istio.io/tlsMode': 'istio' },
              serviceAccount,
            },
          },
        ]),
      );
    const client = mesh.probe('sleep.bar');
    const call = async () => shortAnswer(await client.ask('http', { host: 'claimed.foo', port: 80, path: '/' }));
    const failures = () => client.stats('^cluster\\.outbound\\|80\\|\\|claimed\\.foo\\..*ssl\\.fail_verify_san$');
    const refusals = async () => Object.values(await failures()).reduce((sum, each) => sum + each, 0);
    await claim('other');
    await eventually('an answer of the real one', async () => ((await call()) === '200' ? true : undefined));
    expect(await refusals()).to.equal(0);
    await claim('server');
    await eventually('the impostor to be refused', async () => ((await call()) === '503' ? true : undefined));
    expect(await refusals()).to.be.at.least(1);
    await claim('other');
    await eventually('an answer of the real one', async () => ((await call()) === '200' ? true : undefined));
  });
});
