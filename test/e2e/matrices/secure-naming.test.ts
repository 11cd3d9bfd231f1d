import { once } from 'node:events';
import { expect } from 'chai';
import { type Credentials, foreignCertificate, meshCertificate } from '../../support/e2e-certificates.ts';
import { destinationRule, hostOf, ruleOfCluster } from '../../support/e2e-destination-rules.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import type { HttpAnswer, NoAnswer } from '../../support/e2e-probe-types.ts';
import { idOf } from '../../support/e2e-world.ts';
import { eventually } from '../../support/sandbox.ts';

/** Whoever stands at the address of other.foo must prove to be its service account; nobody else is believed. */
for (const envoy of envoysUnderTest()) {
  describe(`secure naming on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path);
      // A pod without its sidecar isn't ready; clients must be led to it all the same.
      const patch = ['patch', 'service', 'other', '--namespace', 'foo', '--type', 'merge', '--patch'];
      if (mesh.kube) await mesh.sandbox.kubectl([...patch, '{"spec":{"publishNotReadyAddresses":true}}']);
      await mesh.sandbox.killEnvoy('other.foo');
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    /** Whether there were failures of verification: a wrong name, a wrong signer. Injected Envoys don't keep these statistics. */
    const failed = (name: boolean, signer: boolean): unknown => (mesh.kube ? 'not counted' : [name, signer]);

    /** What clients see while somebody else stands where the sidecar of other.foo should. */
    async function withImposter(credentials: Credentials): Promise<object> {
      const { sandbox } = mesh;
      const imposter = sandbox.spawn(
        'other.foo',
        [sandbox.insidePath('bin/node'), sandbox.insidePath('apps/0/imposter.ts')],
        'proxy',
      );
      imposter.stdin.end(`${JSON.stringify(credentials)}\n`);
      imposter.stderr.pipe(process.stderr);
      const ended = once(imposter, 'close');
      await Promise.race([once(imposter.stdout, 'data'), ended]);
      try {
        const before = await failures();
        const probe = mesh.probe('sleep.foo');
        const http = await probe.ask('http', { host: 'other.foo', port: 80, path: '/' });
        const tcp = await probe.ask('tcp', { host: 'other.foo', port: 9000, say: 'over the wire\n' });
        const after = await failures();
        return {
          http: words(http),
          tcp: 'error' in tcp ? 'cut off' : tcp.reply.trim(),
          failures: mesh.kube ? 'not counted' : after.map((n, i) => n > (before[i] ?? 0)),
        };
      } finally {
        await sandbox.exec('other.foo', ['pkill', '-KILL', '-f', 'imposter.ts'], { user: 'root' });
        await ended;
      }
    }

    /** How often the client's Envoy found a wrong name, or a wrong signer. */
    async function failures(): Promise<readonly number[]> {
      const stats = await mesh.probe('sleep.foo').stats('other\\.foo.*\\.ssl\\.fail_verify_(san|error)$');
      const sum = (end: string): number =>
        Object.entries(stats).reduce((total, [name, count]) => total + (name.endsWith(end) ? count : 0), 0);
      return [sum('fail_verify_san'), sum('fail_verify_error')];
    }

    const words = (answer: HttpAnswer | NoAnswer): string =>
      'error' in answer ? answer.error : `${answer.status}${answer.status === 200 ? ` ${answer.body}` : ''}`;

    it('believes the service account of the pod', async () => {
      expect(await withImposter(await meshCertificate(mesh, 'other.foo'))).to.deep.equal({
        http: '200 imposter',
        tcp: 'heard over the wire',
        failures: failed(false, false),
      });
    });

    for (const account of ['sleep.foo', 'server.foo', 'other.bar', 'other2.foo', 'othe.foo']) {
      it(`doesn't believe ${account}, whose certificate is of the mesh, too`, async () => {
        expect(await withImposter(await meshCertificate(mesh, account))).to.deep.equal({
          http: '503',
          tcp: 'cut off',
          failures: failed(true, false),
        });
      });
    }

    it('doesn’t believe the right name from another root', async () => {
      expect(await withImposter(await foreignCertificate('other.foo'))).to.deep.equal({
        http: '503',
        tcp: 'cut off',
        failures: failed(false, true),
      });
    });

    describe('with a rule that names who may answer', () => {
      const host = hostOf('other.foo');

      /** Writes the rule, and waits until the client goes by it: no sidecar of other.foo is left that could take it, too. */
      async function follow(name: string, subjectAltNames: readonly string[]): Promise<void> {
        const tls = { mode: 'ISTIO_MUTUAL', subjectAltNames };
        await mesh.write([destinationRule({ namespace: 'foo', host, name }, { tls })]);
        await eventually(`sleep.foo to follow ${name}`, async () =>
          (await ruleOfCluster(mesh.probe('sleep.foo'), `outbound|9000||${host}`)) === `${name}.foo` ? true : undefined,
        );
      }
      const believed = (): object => ({
        http: '200 imposter',
        tcp: 'heard over the wire',
        failures: failed(false, false),
      });
      const refused = (): object => ({ http: '503', tcp: 'cut off', failures: failed(true, false) });

      it('believes whom it names, and not the service account of the pod any more', async () => {
        await follow('stranger', [idOf('sleep.foo')]);
        expect(await withImposter(await meshCertificate(mesh, 'sleep.foo'))).to.deep.equal(believed());
        expect(await withImposter(await meshCertificate(mesh, 'other.foo'))).to.deep.equal(refused());
      });

      it('believes each of several, and nobody besides', async () => {
        await follow('both', [idOf('sleep.foo'), idOf('other.foo')]);
        for (const account of ['sleep.foo', 'other.foo'])
          expect(await withImposter(await meshCertificate(mesh, account)), account).to.deep.equal(believed());
        expect(await withImposter(await meshCertificate(mesh, 'server.foo'))).to.deep.equal(refused());
      });

      it('doesn’t believe the name from another root', async () => {
        await follow('foreign', [idOf('sleep.foo')]);
        expect(await withImposter(await foreignCertificate('sleep.foo'))).to.deep.equal({
          ...refused(),
          failures: failed(false, true),
        });
      });
    });
  });
}
