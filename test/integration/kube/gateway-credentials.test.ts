import { X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { ingressGatewayManifests } from '../../../src/install/ingress-gateway.ts';
import type { Credentials } from '../../support/e2e-certificates.ts';
import { injected, KubeMesh, namespace, sleeper, web } from '../../support/kube-mesh.ts';
import { networking } from '../../support/kube-networking.ts';
import { makeAuthority, makeCertificate } from '../../support/origin-certificates.ts';
import { eventually } from '../../support/sandbox.ts';

const root = 'istio-system';
const router = `istio-ingressgateway.${root}`;
const edge = ['gateway', root, 'edge'] as const;

/** As `kubectl create secret tls` makes it. */
const secret = (where: string, name: string, { certificate, key }: Credentials): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/tls',
  metadata: { name, namespace: where },
  data: { 'tls.crt': base64(certificate), 'tls.key': base64(key) },
});
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const server = (name: string): object => ({
  port: { number: 443, name: `https-${name}`, protocol: 'HTTPS' },
  hosts: [`${name}.example`],
  tls: { mode: 'SIMPLE', credentialName: name },
});

const routes = networking('VirtualService', 'foo', 'web', {
  hosts: ['one.example', 'two.example'],
  gateways: [`${root}/edge`],
  http: [{ route: [{ destination: { host: 'web', port: { number: 80 } } }] }],
});

describe('credentials of a gateway in a cluster', function () {
  this.timeout(150_000);
  const authority = makeAuthority('anybody');
  const keys: string[] = [];
  let mesh: KubeMesh;

  /** A certificate whose key must never be seen anywhere. */
  function certificateFor(name: string): Credentials {
    const made = makeCertificate(authority, name);
    keys.push(made.key);
    return made;
  }

  before(async () => {
    const one = (manifest: object): object =>
      'kind' in manifest && manifest.kind === 'Deployment' && 'spec' in manifest
        ? { ...manifest, spec: { ...Object(manifest.spec), replicas: 1 } }
        : manifest;
    const world = [
      namespace('foo', injected),
      namespace('outside'),
      ...web('foo'),
      ...sleeper('outside'),
      ...ingressGatewayManifests(root).map(one),
    ];
    mesh = await KubeMesh.up('credentials', world);
    await mesh.rolledOut(root, 'istio-ingressgateway');
    await mesh.sandbox.refresh();
  });

  after(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  function call(name: string, path = '/status/200') {
    const to = `${name}.example:443:${mesh.sandbox.pod(router).ip}:8443`;
    return mesh.sandbox.curl('sleep.outside', `https://${name}.example${path}`, {
      args: ['--insecure', '--connect-to', to],
    });
  }

  /** `200`, or `exit 35` where there was no handshake. */
  async function answer(name: string): Promise<string> {
    const { exit, status } = await call(name);
    return exit === 0 ? String(status) : `exit ${exit}`;
  }

  async function answers(name: string, expected: string): Promise<void> {
    await eventually(`${expected} from ${name}`, async () => ((await answer(name)) === expected ? true : undefined));
  }

  /** Serial number of the certificate that is shown for a name. */
  async function shown(name: string): Promise<string> {
    const to = `${mesh.sandbox.pod(router).ip}:8443`;
    const argv = ['openssl', 's_client', '-connect', to, '-servername', `${name}.example`];
    const { stdout } = await mesh.sandbox.exec('sleep.outside', argv, { input: '' });
    const pem = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(stdout)?.[0];
    return pem === undefined ? '' : new X509Certificate(pem).serialNumber;
  }

  it('come from the API server; a missing one costs its own server alone, and shows in the status', async () => {
    await mesh.apply(
      secret(root, 'one', certificateFor('one.example')),
      // Not the namespace of the gateway: nobody there may use it.
      secret('foo', 'two', certificateFor('two.example')),
      networking('Gateway', root, 'edge', {
        selector: { istio: 'ingressgateway' },
        servers: [server('one'), server('two')],
      }),
      routes,
    );
    await answers('one', '200');
    expect(await answer('two')).to.equal('exit 35');
    await mesh.says(
      edge,
      'Accepted',
      /^False PartlyInvalid@1: spec\.servers\[1\]\.tls\.credentialName: .*two.*connections to this server are closed/,
    );
    await mesh.says(edge, 'Enforced', /^True Enforced@1: on 1 of 1 proxies$/);
    await mesh.says(['virtualservice', 'foo', 'web'], 'Accepted', /^True Valid@1: /);
    const findings = await mesh.sandbox.admin('/debug/findings');
    expect(findings.body).to.include('Gateway/istio-system/edge').and.include('spec.servers[1].tls.credentialName');

    await mesh.apply(secret(root, 'two', certificateFor('two.example')));
    await answers('two', '200');
    await mesh.says(edge, 'Accepted', /^True Valid@1: /);
  });

  it('are rotated under requests that go on, each by itself', async () => {
    const next = certificateFor('one.example');
    const serial = new X509Certificate(next.certificate).serialNumber;
    const before = await shown('two');
    const slow = call('one', '/delay/3');
    await mesh.apply(secret(root, 'one', next));
    await eventually('the next certificate', async () => ((await shown('one')) === serial ? true : undefined));
    expect(await slow.then(({ exit, status }) => [exit, status])).to.deep.equal([0, 200]);
    expect(await shown('two')).to.equal(before);
  });

  it('that are broken close their own server, until they are whole again', async () => {
    const other = certificateFor('one.example');
    const good = certificateFor('one.example');
    await mesh.apply(secret(root, 'one', { certificate: good.certificate, key: other.key }));
    await answers('one', 'exit 35');
    expect(await answer('two')).to.equal('200');
    await mesh.says(edge, 'Accepted', /^False PartlyInvalid@1: spec\.servers\[0\]\.tls\.credentialName: .*tls\.key/);
    await mesh.apply(secret(root, 'one', good));
    await answers('one', '200');
    await mesh.says(edge, 'Accepted', /^True Valid@1: /);
  });

  it('are seen in no log, page, dump, status or event', async () => {
    const [control = ''] = mesh.replicas;
    const pages = [
      'configz',
      'findings',
      'syncz',
      'views',
      'registryz',
      'connections',
      `config_dump?proxyID=${router}`,
    ];
    const name = mesh.sandbox.pod(router).name;
    const texts = await Promise.all([
      ...pages.map(
        async (page) => (await mesh.sandbox.admin(`/debug/${page.replace(router, `${name}.${root}`)}`)).body,
      ),
      mesh.sandbox.envoyAdmin(router, '/config_dump?include_eds').then(({ body }) => body),
      mesh.kubectl(['get', 'gateways,virtualservices,events', '-A', '-o', 'json']),
      ...(await readdir(mesh.sandbox.path('logs')))
        .filter((file) => file.startsWith(control) || file.startsWith('istio-ingressgateway'))
        .map((file) => readFile(mesh.sandbox.path(`logs/${file}`), 'utf8')),
    ]);
    expect(texts.length).to.be.greaterThan(pages.length + 3);
    const everything = texts.join('\n');
    expect(everything).to.include('one.example');
    for (const key of keys) {
      const body = key.replace(/-----[^-]*-----/g, '').replace(/\s/g, '');
      for (const part of [body.slice(40, 80), base64(key).slice(80, 120)])
        expect(everything.includes(part), 'a part of a private key').to.equal(false);
    }
    expect(keys.length).to.equal(6);
  });
});
