import { expect } from 'chai';
import { callHttp, callTcp, overMtls } from '../../support/e2e-calls.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { meshMode, type PolicyObject } from '../../support/e2e-policies.ts';
import { entryPorts, outside, serviceEntry } from '../../support/e2e-service-entries.ts';
import { fence, importing, sidecar } from '../../support/e2e-sidecars.ts';
import { world } from '../../support/e2e-world.ts';
import { eventually } from '../../support/sandbox.ts';

const client = 'sleep.bar';
const server = 'server.foo.svc.cluster.local';

/** What a client of `bar` gets from `server.foo`: over HTTP, and over TCP. */
interface Row {
  readonly title: string;
  readonly policies: readonly PolicyObject[];
  readonly http: string;
  readonly tcp: string;
}

const known = { http: `200 as ${client} by ${world.server}`, tcp: 'heard over mTLS' };
/** To its own address, as it came. */
const passed = { http: '200 in plaintext', tcp: 'heard in plaintext' };
/** Its server takes no plaintext. */
const refused = { http: 'cut', tcp: 'cut' };
const blocked = { http: '502', tcp: 'cut' };
/** Nothing on the port is known, so nobody reads HTTP there. */
const unread = { http: 'cut', tcp: 'cut' };

const registryOnly = { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } };
const allowAny = { outboundTrafficPolicy: { mode: 'ALLOW_ANY' } };
const [http80, tcp9000, tcp1] = [
  { number: 80, name: 'http', protocol: 'HTTP' },
  { number: 9000, name: 'tcp', protocol: 'TCP' },
  { number: 1, name: 'fence', protocol: 'TCP' },
];

const tables: Readonly<Record<'ALLOW_ANY' | 'REGISTRY_ONLY', readonly Row[]>> = {
  ALLOW_ANY: [
    { title: 'no Sidecar', policies: [], ...known },
    { title: 'all that there is', policies: [importing('bar', ['*/*'])], ...known },
    { title: 'the server’s namespace', policies: [importing('bar', ['foo/*'])], ...known },
    { title: 'the server by its name', policies: [importing('bar', [`foo/${server}`])], ...known },
    { title: 'the server by its name, wherever', policies: [importing('bar', [`*/${server}`])], ...known },
    { title: 'a wildcard around it', policies: [importing('bar', ['*/*.foo.svc.cluster.local'])], ...known },
    { title: 'its own namespace alone', policies: [importing('bar', ['./*'])], ...passed },
    {
      title: 'another service of the namespace',
      policies: [importing('bar', ['foo/other.foo.svc.cluster.local'])],
      ...passed,
    },
    { title: 'the server’s name in another namespace', policies: [importing('bar', [`legacy/${server}`])], ...passed },
    { title: 'nothing at all', policies: [importing('bar', ['~/*'])], ...passed },
    {
      title: 'its own namespace alone, of a STRICT mesh',
      policies: [meshMode('STRICT'), importing('bar', ['./*'])],
      ...refused,
    },
    {
      title: 'another service of the namespace, of a STRICT mesh',
      policies: [meshMode('STRICT'), importing('bar', ['foo/other.foo.svc.cluster.local'])],
      http: '503',
      tcp: 'cut',
    },
    {
      title: 'its own namespace alone, and nothing unknown',
      policies: [importing('bar', ['./*'], 'REGISTRY_ONLY')],
      ...unread,
    },
    {
      title: 'another service of the namespace, and nothing unknown',
      policies: [importing('bar', ['foo/other.foo.svc.cluster.local'], 'REGISTRY_ONLY')],
      ...blocked,
    },
    { title: 'what is known, and nothing unknown', policies: [sidecar('bar', registryOnly)], ...known },
    {
      title: 'the server on its HTTP port alone',
      policies: [sidecar('bar', { egress: [{ port: http80, hosts: ['foo/*'] }, { hosts: [fence] }], ...registryOnly })],
      http: known.http,
      tcp: 'cut',
    },
    {
      title: 'the server on its TCP port alone',
      policies: [
        sidecar('bar', {
          egress: [
            { port: tcp9000, hosts: ['foo/*'] },
            { port: tcp1, hosts: [fence] },
          ],
          ...registryOnly,
        }),
      ],
      http: 'cut',
      tcp: known.tcp,
    },
    {
      title: 'nothing, but for another app of the namespace',
      policies: [importing('bar', ['~/*'], 'REGISTRY_ONLY', 'other')],
      ...known,
    },
    {
      title: 'nothing in the namespace, but everything for this app',
      policies: [importing('bar', ['~/*'], 'REGISTRY_ONLY'), importing('bar', ['*/*'], undefined, 'sleep')],
      ...known,
    },
    {
      title: 'nothing in the mesh',
      policies: [importing('istio-system', ['~/*'], 'REGISTRY_ONLY')],
      ...unread,
    },
    {
      title: 'nothing in the mesh, but everything in the namespace',
      policies: [importing('istio-system', ['~/*'], 'REGISTRY_ONLY'), importing('bar', ['*/*'])],
      ...known,
    },
  ],
  REGISTRY_ONLY: [
    { title: 'no Sidecar', policies: [], ...known },
    { title: 'its own namespace alone', policies: [importing('bar', ['./*'])], ...unread },
    {
      title: 'its own namespace alone, and all that is unknown',
      policies: [importing('bar', ['./*'], 'ALLOW_ANY')],
      ...passed,
    },
    { title: 'what is known, and all that is unknown', policies: [sidecar('bar', allowAny)], ...known },
  ],
};

for (const envoy of envoysUnderTest()) {
  describe(`what Sidecars let their clients know on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path, { meshYaml: 'outboundTrafficPolicy: { mode: ALLOW_ANY }\n' });
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    async function seen(): Promise<Pick<Row, 'http' | 'tcp'>> {
      const probe = mesh.probe(client);
      return {
        http: await callHttp(probe, world.server, 80, world.server),
        tcp: await overMtls(mesh.probe(world.server), () => callTcp(probe, world.server, 9000)),
      };
    }

    for (const [mode, rows] of Object.entries(tables)) {
      describe(`with ${mode}`, () => {
        before(async () => {
          await mesh.enforce([]);
          await mesh.writeSettings(`outboundTrafficPolicy: { mode: ${mode} }\n`);
          const unknown = mode === 'ALLOW_ANY' ? 'heard' : 'cut';
          const { ip } = mesh.sandbox.pod(world.bare);
          await eventually(`${mode} to hold`, async () =>
            (await callTcp(mesh.probe(client), ip, 9001)) === unknown ? true : undefined,
          );
        });

        for (const { title, policies, http, tcp } of rows) {
          it(`${title}: HTTP ${http}, TCP ${tcp}`, async () => {
            await mesh.enforce(policies, { drained: true });
            expect(await seen()).to.deep.equal({ http, tcp });
          });
        }
      });
    }

    it('a host outside of the mesh is there for whom it is imported', async () => {
      const { ip } = mesh.sandbox.pod(world.bare);
      const { http } = entryPorts;
      const entry = serviceEntry({ ports: [http], resolution: 'STATIC', endpoints: [{ address: ip }] });
      const call = async (...policies: readonly PolicyObject[]): Promise<string> => {
        await mesh.enforce([entry, ...policies]);
        return await callHttp(mesh.probe(client), '10.98.0.1', http.number, outside);
      };
      expect(await call()).to.equal('200 in plaintext');
      expect(await call(importing('bar', ['./*'], 'REGISTRY_ONLY'))).to.equal('cut');
      expect(await call(importing('bar', [`./*`, `foo/${outside}`], 'REGISTRY_ONLY'))).to.equal('200 in plaintext');
      expect(await call(importing('bar', [`*/*.example.com`], 'REGISTRY_ONLY'))).to.equal('200 in plaintext');
    });

    it('a port that is bound is there to connect to, with nothing intercepted', async () => {
      const hosts = [`foo/${server}`];
      const egress = [
        { port: http80, bind: '127.0.0.1', captureMode: 'NONE', hosts },
        { port: tcp9000, captureMode: 'NONE', hosts },
        { hosts: [...hosts, fence] },
      ];
      await mesh.enforce([sidecar('bar', { egress })]);
      const probe = mesh.probe(client);
      expect(await callHttp(probe, '127.0.0.1', 80, world.server)).to.equal(known.http);
      expect(await overMtls(mesh.probe(world.server), () => callTcp(probe, '127.0.0.1', 9000))).to.equal(known.tcp);
    });

    // Whoever could connect there would call the mesh with the identity of the pod.
    for (const where of ['every address', 'the address of the pod'] as const) {
      it(`a port that is bound at ${where} serves the pod's own applications, and nobody else`, async () => {
        const { ip } = mesh.sandbox.pod(client);
        const bind = where === 'every address' ? '0.0.0.0' : ip;
        const hosts = [`foo/${server}`, fence];
        const egress = [{ port: http80, bind, captureMode: 'NONE', hosts }, { hosts }];
        await mesh.enforce([sidecar('bar', { egress }, 'sleep')]);
        const from = async (pod: string, address: string): Promise<string> =>
          await callHttp(mesh.probe(pod), address, 80, world.server);
        expect(await from(client, where === 'every address' ? '127.0.0.1' : ip), 'itself').to.equal(known.http);
        expect(await from(client, world.server), 'by interception').to.equal(known.http);
        expect(await from('sleep.legacy', ip), 'a stranger').to.equal('503');
      });
    }

    it('what is unknown goes to a proxy that the Sidecar names', async () => {
      const egressProxy = { host: server, port: { number: 9000 } };
      const egress = [{ hosts: ['foo/*', fence] }];
      await mesh.enforce([sidecar('bar', { egress, outboundTrafficPolicy: { mode: 'ALLOW_ANY', egressProxy } })]);
      const call = () => callTcp(mesh.probe(client), '10.98.0.1', 4_444);
      expect(await overMtls(mesh.probe(world.server), call)).to.equal('heard over mTLS');
    });
  });
}
