import { expect } from 'chai';
import { meshCertificate } from '../../support/e2e-certificates.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { deny, meshMode } from '../../support/e2e-policies.ts';
import { eventually } from '../../support/sandbox.ts';

/** Ways to a pod's app, or into its sidecar, that are not the front door. */
for (const envoy of envoysUnderTest()) {
  describe(`side doors on ${envoy.name}`, () => {
    let mesh: Mesh;
    let ip: string;

    before(async () => {
      mesh = await Mesh.up(envoy.path);
      ip = mesh.sandbox.pod('server.foo').ip;
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    /** Connections that the pod's sidecar has taken on its two listeners and made to clusters. */
    async function connections(): Promise<number> {
      const stats = await mesh
        .probe('server.foo')
        .stats('^(listener\\.0\\.0\\.0\\.0_150(01|06)\\.downstream_cx_total|cluster\\..*\\.upstream_cx_total)$');
      return Object.entries(stats).reduce((sum, [name, count]) => sum + (name.includes('xds-grpc') ? 0 : count), 0);
    }

    /** The status, or how it ended without one. */
    async function got(client: string, port: number, path = '/', host = ip): Promise<string> {
      const answer = await mesh.probe(client).ask('http', { host, port, path });
      return 'status' in answer ? String(answer.status) : answer.error;
    }

    for (const mode of ['STRICT', 'PERMISSIVE', 'DISABLE'] as const) {
      describe(`under mesh ${mode}`, () => {
        before(async () => {
          await mesh.enforce([meshMode(mode)]);
        });

        for (const client of ['sleep.legacy', 'sleep.foo', 'server.foo']) {
          for (const port of [15_001, 15_006]) {
            it(`${client} calls port ${port} of server.foo itself: the connection ends, and goes round nowhere`, async () => {
              const earlier = await connections();
              expect(await got(client, port)).to.be.oneOf(['503', 'closed', 'reset']);
              // One that comes in; from the pod itself, one that goes out besides.
              expect((await connections()) - earlier).to.be.at.most(3);
            });
          }
        }

        it('TLS with a certificate of the mesh to port 15006 gets nothing either', async () => {
          const certificate = await meshCertificate(mesh, 'sleep.foo');
          const earlier = await connections();
          const call = { host: ip, port: 15_006, say: 'GET / HTTP/1.1\r\n\r\n', alpn: ['istio'], ...certificate };
          const answer = await mesh.probe('sleep.legacy').ask('tls', call);
          expect(answer).to.have.property('error').that.is.oneOf(['closed', 'reset']);
          expect((await connections()) - earlier).to.be.at.most(3);
        });

        it('the admin port answers nobody outside the pod', async () => {
          for (const client of ['sleep.legacy', 'sleep.foo']) {
            expect(await got(client, 15_000, '/config_dump')).to.be.oneOf(['503', 'closed', 'reset']);
          }
        });

        it('the health port answers everybody, and tells nothing else', async () => {
          const at = (path: string) => mesh.probe('sleep.legacy').ask('http', { host: ip, port: 15_021, path });
          expect(await at('/healthz/ready')).to.have.property('status', 200);
          expect(await at('/config_dump')).to.have.property('status', 404);
        });
      });
    }

    describe('under mesh STRICT, and DENY of everything in foo', () => {
      before(async () => {
        await mesh.enforce([meshMode('STRICT'), deny([{}], {})]);
      });

      const ways: Readonly<Record<string, () => { readonly host: string; readonly port: number }>> = {
        'the service': () => ({ host: 'server.foo', port: 80 }),
        'the pod’s address': () => ({ host: ip, port: 8080 }),
        'a sniffed port': () => ({ host: 'server.foo', port: 7000 }),
        'a port that no service names': () => ({ host: ip, port: 6060 }),
      };

      for (const [way, target] of Object.entries(ways)) {
        it(`no pod gets an answer by way of ${way}`, async () => {
          for (const client of ['sleep.foo', 'sleep.bar', 'sleep.legacy', 'other.foo']) {
            const { host, port } = target();
            expect(await got(client, port, '/', host), client).to.be.oneOf(['403', 'closed', 'reset']);
          }
        });
      }

      it('the node gets no answer either', async () => {
        const { code } = await mesh.sandbox.execOnNode(['curl', '-s', '--max-time', '5', `http://${ip}:8080/`]);
        expect(code).to.equal(56);
      });

      it('IPv6 is no way round', async () => {
        for (const pod of ['server.foo', 'sleep.legacy']) {
          const { stdout } = await mesh.sandbox.exec(pod, ['cat', '/proc/net/if_inet6']);
          expect({ pod, stdout }).to.deep.equal({ pod, stdout: '' });
        }
        const answer = await mesh.probe('server.foo').ask('http', { host: '::1', port: 8080, path: '/' });
        expect(answer).to.have.property('error').that.is.oneOf(['EADDRNOTAVAIL', 'ENETUNREACH', 'EAFNOSUPPORT']);
      });

      it('an app still reaches itself', async () => {
        const answer = await mesh.probe('server.foo').ask('http', { host: '127.0.0.1', port: 8080, path: '/' });
        expect(answer).to.have.property('status', 200);
      });

      it('no rights of the app make its traffic pass by the sidecar', async () => {
        // Only who runs as the sidecar does gets out unseen; an app can't become that user.
        const { code } = await mesh.sandbox.exec('sleep.foo', ['setpriv', '--reuid', '1337', '--clear-groups', 'true']);
        expect(code).to.not.equal(0);
      });
    });

    it('nothing was left open', async () => {
      await mesh.enforce([]);
      await eventually('the sidecar to be at rest', async () => {
        const stats = await mesh.probe('server.foo').stats('^listener\\.0\\.0\\.0\\.0_15006\\.downstream_cx_active$');
        return Object.values(stats)[0] === 0 ? true : undefined;
      });
    });
  });
}
