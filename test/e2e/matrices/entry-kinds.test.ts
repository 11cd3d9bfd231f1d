import { once } from 'node:events';
import { expect } from 'chai';
import { answerDns, callHttp, callTcp, callTls, overMtls } from '../../support/e2e-calls.ts';
import { ClientFiles } from '../../support/e2e-client-files.ts';
import { destinationRule } from '../../support/e2e-destination-rules.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { meshMode } from '../../support/e2e-policies.ts';
import { isAnswer } from '../../support/e2e-probe.ts';
import { entryPorts, outside, serviceEntry } from '../../support/e2e-service-entries.ts';
import { idOf, toYaml, world, worldManifests } from '../../support/e2e-world.ts';
import { makeAuthority, makeCertificate } from '../../support/origin-certificates.ts';

const client = 'sleep.foo';
const { http, tcp, tls } = entryPorts;
const origin = { port: 10_443 } as const;

/** Services that are there from the beginning, beside those of the world: no addresses of their own. */
const kinds: readonly object[] = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'alias', namespace: 'foo' },
    spec: { type: 'ExternalName', externalName: outside },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'within', namespace: 'foo' },
    spec: { type: 'ExternalName', externalName: 'server.foo.svc.cluster.local' },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'pods', namespace: 'foo' },
    spec: {
      clusterIP: 'None',
      selector: { app: 'server' },
      ports: [
        { name: 'http', port: http.number },
        { name: 'tcp-more', port: 6061 },
      ],
    },
  },
];

for (const envoy of envoysUnderTest()) {
  describe(`ServiceEntries and services without an address on ${envoy.name}`, () => {
    const stack = new AsyncDisposableStack();
    let mesh: Mesh;
    let bare: string;

    before(async () => {
      const manifests = [
        { file: 'world.yaml', yaml: worldManifests() },
        { file: 'kinds.yaml', yaml: toYaml(kinds) },
      ];
      const meshYaml = 'outboundTrafficPolicy: { mode: REGISTRY_ONLY }\n';
      mesh = stack.use(await Mesh.up(envoy.path, { manifests, meshYaml }));
      bare = mesh.sandbox.pod(world.bare).ip;
      stack.use(await answerDns(mesh, client, { 'elsewhere.example.com': [bare] }));
    });

    after(async () => {
      await stack.disposeAsync();
    });

    it('TCP by address: one of its own, a block, and nothing beside them', async () => {
      const endpoints = [{ address: bare }];
      await mesh.enforce([
        serviceEntry({ addresses: ['10.98.0.9'], ports: [tcp], resolution: 'STATIC', endpoints }, 'own'),
        serviceEntry(
          {
            hosts: ['block.example.com'],
            addresses: ['10.98.1.0/24'],
            ports: [tcp],
            resolution: 'STATIC',
            endpoints,
          },
          'block',
        ),
        serviceEntry(
          {
            hosts: ['dead.example.com'],
            addresses: ['10.98.0.10'],
            ports: [{ ...tcp, targetPort: 1 }],
            resolution: 'DNS',
            endpoints: [{ address: 'elsewhere.example.com' }],
          },
          'dead',
        ),
      ]);
      const probe = mesh.probe(client);
      expect(await callTcp(probe, '10.98.0.9', tcp.number)).to.equal('heard');
      expect(await callTcp(probe, '10.98.1.77', tcp.number)).to.equal('heard');
      expect(await callTcp(probe, '10.98.2.1', tcp.number)).to.equal('cut');
      expect(await callTcp(probe, '10.98.0.10', tcp.number)).to.equal('cut');
      expect(await callTcp(probe, bare, tcp.number)).to.equal('cut');
    });

    it('a wildcard host: HTTP and TLS for whatever is below it', async () => {
      const hosts = ['*.example.com'];
      await mesh.enforce([
        serviceEntry({ hosts, ports: [http, tls], resolution: 'STATIC', endpoints: [{ address: bare }] }),
      ]);
      const probe = mesh.probe(client);
      expect(await callHttp(probe, '10.98.0.1', http.number, 'any.example.com')).to.equal('200 in plaintext');
      expect(await callHttp(probe, '10.98.0.1', http.number, 'example.com')).to.equal('502');
      expect(await callTls(probe, '10.98.0.1', tls.number, 'any.example.com')).to.equal('heard');
      expect(await callTls(probe, '10.98.0.1', tls.number, 'example.org')).to.equal('cut');
    });

    it('an entry that is not exported to a namespace is none there', async () => {
      const spec = { ports: [http], resolution: 'STATIC', endpoints: [{ address: bare }] };
      const seen = async (): Promise<readonly string[]> =>
        await Promise.all(
          ['sleep.foo', 'sleep.bar'].map((each) => callHttp(mesh.probe(each), bare, http.number, outside)),
        );
      await mesh.enforce([serviceEntry({ ...spec, exportTo: ['.'] })]);
      expect(await seen()).to.deep.equal(['200 in plaintext', '502']);
      await mesh.enforce([serviceEntry({ ...spec, exportTo: ['bar'] })]);
      expect(await seen()).to.deep.equal(['502', '200 in plaintext']);
      await mesh.enforce([serviceEntry(spec)]);
      expect(await seen()).to.deep.equal(['200 in plaintext', '200 in plaintext']);
    });

    it('ExternalName is another name for a host of an entry, and for a service of the mesh', async () => {
      const probe = mesh.probe(client);
      await mesh.enforce([]);
      expect(await callHttp(probe, '10.98.0.1', 80, 'within.foo')).to.equal(`200 as ${client} by ${world.server}`);
      expect(await callHttp(probe, '10.98.0.1', 80, 'alias.foo')).to.equal('502');
      const web = { ...http, number: 80, targetPort: http.number };
      await mesh.enforce([serviceEntry({ ports: [web], resolution: 'STATIC', endpoints: [{ address: bare }] })]);
      expect(await callHttp(probe, '10.98.0.1', 80, 'alias.foo')).to.equal('200 in plaintext');
    });

    it('pods of a headless service are called one by one, in mesh mTLS', async () => {
      await mesh.enforce([meshMode('STRICT')]);
      const { ip } = mesh.sandbox.pod(world.server);
      const probe = mesh.probe('sleep.bar');
      const named = await callHttp(probe, ip, http.number, 'pods.foo');
      expect(named).to.equal(`200 as sleep.bar by ${world.server}`);
      const tcpSeen = await overMtls(mesh.probe(world.server), () => callTcp(probe, ip, 6061));
      expect(tcpSeen).to.equal('heard over mTLS');
    });

    it('workloads behind an entry are reached in mesh mTLS, and by their own names alone', async () => {
      const { ip } = mesh.sandbox.pod(world.other);
      const workload = (serviceAccount: string): string =>
        toYaml([
          {
            apiVersion: 'networking.istio.io/v1',
            kind: 'WorkloadEntry',
            metadata: { name: 'machine', namespace: 'foo' },
            spec: { address: ip, labels: { app: 'machine' }, serviceAccount },
          },
        ]);
      const hosts = ['machines.example.com'];
      const spec = {
        hosts,
        addresses: ['10.98.0.20'],
        ports: [http, tcp],
        location: 'MESH_INTERNAL',
        resolution: 'STATIC',
        workloadSelector: { labels: { app: 'machine' } },
      };
      await mesh.sandbox.apply(workload('other'), { file: 'machine.yaml' });
      await mesh.enforce([meshMode('STRICT'), serviceEntry(spec, 'machines')]);
      const probe = mesh.probe('sleep.bar');
      const over = async (): Promise<readonly string[]> => [
        await callHttp(probe, '10.98.0.1', http.number, 'machines.example.com'),
        await overMtls(mesh.probe(world.other), () => callTcp(probe, '10.98.0.20', tcp.number)),
      ];
      expect(await over()).to.deep.equal([`200 as sleep.bar by ${world.other}`, 'heard over mTLS']);
      await mesh.sandbox.apply(workload('server'), { file: 'machine.yaml' });
      await mesh.settled();
      expect(await over()).to.deep.equal(['503', 'cut']);
      await mesh.sandbox.remove('machine.yaml');
    });

    it('workloads outside of the mesh take no mesh mTLS, whatever runs there', async () => {
      const { ip } = mesh.sandbox.pod(world.other);
      const endpoints = [{ address: ip, serviceAccount: 'other' }];
      const spec = { ports: [http], resolution: 'STATIC', endpoints };
      const call = async (): Promise<string> =>
        await callHttp(mesh.probe('sleep.bar'), '10.98.0.1', http.number, outside);
      await mesh.enforce([serviceEntry(spec)]);
      expect(await call()).to.equal('200 in plaintext');
      await mesh.enforce([meshMode('STRICT'), serviceEntry(spec)], { drained: true });
      expect(await call()).to.equal('503');
      await mesh.enforce([
        meshMode('STRICT'),
        serviceEntry({ ...spec, subjectAltNames: [idOf('other.foo')] }),
        destinationRule({ namespace: 'bar', host: outside }, { tls: { mode: 'ISTIO_MUTUAL' } }),
      ]);
      expect(await call()).to.equal(`200 as sleep.bar by ${world.other}`);
    });

    it('TLS is begun for an app that speaks HTTP, and the server’s name is checked', async () => {
      const folder = await ClientFiles.make(mesh, 'entry-kinds');
      const authority = makeAuthority('outside');
      const { certificate, key } = makeCertificate(authority, outside);
      const caCertificates = await folder.put('authority.pem', authority.certificate);
      const { sandbox } = mesh;
      const app = [sandbox.insidePath('bin/node'), sandbox.insidePath('apps/0/tls-origin.ts')];
      const server = sandbox.spawn(world.bare, app);
      server.stderr.pipe(process.stderr);
      server.stdin.write(`${JSON.stringify([{ ...origin, certificate, key }])}\n`);
      await once(server.stdout, 'data');
      const web = { number: 80, name: 'http', protocol: 'HTTP', targetPort: origin.port };
      const call = async (spec: object, trafficPolicy?: object): Promise<unknown> => {
        const base = { ports: [web], resolution: 'DNS', endpoints: [{ address: 'elsewhere.example.com' }] };
        const rules =
          trafficPolicy === undefined ? [] : [destinationRule({ namespace: 'foo', host: outside }, trafficPolicy)];
        await mesh.enforce([serviceEntry({ ...base, ...spec }), ...rules]);
        const request = { host: '10.98.0.1', port: 80, path: '/', headers: { host: outside } };
        const answer = await mesh.probe(client).ask('http', request);
        if (!isAnswer(answer)) return answer.error;
        return answer.status === 200 ? JSON.parse(answer.body).name : answer.status;
      };
      const simple = { tls: { mode: 'SIMPLE', caCertificates } };
      const unchecked = { tls: { mode: 'SIMPLE', insecureSkipVerify: true } };
      expect(await call({}), 'plaintext to a TLS server').to.equal(503);
      expect(await call({}, unchecked)).to.equal(outside);
      // A container has files of its own: the authority isn't among those of the sidecar there.
      if (mesh.kube) return;
      expect(await call({}, simple)).to.equal(outside);
      expect(await call({ subjectAltNames: [outside] }, simple)).to.equal(outside);
      expect(await call({ subjectAltNames: ['other.example.com'] }, simple), 'another name').to.equal(503);
      expect(await call({}, { tls: { mode: 'SIMPLE' } }), 'an authority that nobody knows').to.equal(503);
    });
  });
}
