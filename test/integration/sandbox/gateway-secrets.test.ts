import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { Finding } from '../../../src/model/finding.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { gatewayDocument, secretYaml } from '../../support/gateway-documents.ts';
import { createTestCa, type Leaf, type TestCa } from '../../support/rbac-certificates.ts';
import { eventually, exampleManifests, makeRunDir, startCli } from '../../support/sandbox.ts';

const gateway = 'istio-ingressgateway.istio-system';
const attached = 'attached.istio-system';
const binary = (version: string): string =>
  fileURLToPath(new URL(`../../../.tools/envoy-${version}/envoy`, import.meta.url));

/** A gateway of the Gateway API: policies may name it. */
const attachedGateway = `
apiVersion: v1
kind: Service
metadata: { name: attached, namespace: istio-system }
spec: { selector: { app: attached }, ports: [{ name: https, port: 443, targetPort: 8443 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: attached, namespace: istio-system }
spec:
  selector: { matchLabels: { app: attached } }
  template:
    metadata:
      labels:
        app: attached
        istio: ingressgateway
        gateway.networking.k8s.io/gateway-name: edge
        sidecar.istio.io/inject: "true"
      annotations: { inject.istio.io/templates: gateway }
    spec:
      serviceAccountName: istio-ingressgateway-service-account
      containers: [{ name: istio-proxy, image: auto, ports: [{ name: https, containerPort: 8443 }] }]
`;

const https = (name: string, mode: string) => ({
  port: 443,
  name,
  protocol: 'HTTPS',
  hosts: [`${name}.example`],
  tls: { mode, credentialName: name },
});
const edge = gatewayDocument('edge', [https('simple', 'SIMPLE'), https('mutual', 'MUTUAL')], {
  namespace: 'istio-system',
});
const route = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: httpbin, namespace: foo }
spec:
  hosts: ["*.example"]
  gateways: [istio-system/edge]
  http: [{ route: [{ destination: { host: httpbin, port: { number: 8000 } } }] }]
`;
const policy = (name: string, kind: string, spec: object): string =>
  JSON.stringify({
    apiVersion: 'security.istio.io/v1',
    kind,
    metadata: { name, namespace: 'istio-system' },
    spec,
  });

/** Keeps one TLS connection; each line that it is given is a request, answered by status and the serial number of the server's certificate. */
const client = `
const tls = require('node:tls');
const socket = tls.connect({ host: process.argv[1], port: 443, servername: 'simple.example', rejectUnauthorized: false });
let text = '';
socket.on('secureConnect', () => console.log('connected'));
socket.on('data', (chunk) => {
  text += chunk;
  const status = /^HTTP\\/1.1 (\\d+)[^]*\\r\\n\\r\\n/.exec(text);
  if (status === null) return;
  text = '';
  console.log(status[1] + ' ' + socket.getPeerCertificate().serialNumber);
});
socket.on('close', () => { console.log('closed'); process.exit(0); });
socket.on('error', (error) => console.log(error.message));
process.stdin.on('data', () => socket.write('GET /status/204 HTTP/1.1\\r\\nhost: simple.example\\r\\n\\r\\n'));
process.stdin.on('end', () => socket.end());
`;

for (const version of ['1.40.0', '1.36.2']) {
  describe(`the secrets of a gateway in a mesh, Envoy ${version}`, () => {
    let stack: AsyncDisposableStack;
    let mesh: Sandbox;
    let ca: TestCa;
    let folder: string;
    let runDir: string;
    let person: readonly string[];
    const keys: string[] = [];

    const issue = async (name: string): Promise<Leaf> => {
      const leaf = await ca.issue([{ type: 'dns', value: `${name}.example` }]);
      keys.push(leaf.key);
      return leaf;
    };
    const put = async (name: string, leaf: Leaf, more: Readonly<Record<string, string>> = {}): Promise<void> => {
      const content = { 'tls.crt': leaf.certificate, 'tls.key': leaf.key, ...more };
      await mesh.apply(secretYaml(name, content, 'istio-system'), { file: `secret-${name}.yaml` });
    };

    before(async () => {
      stack = new AsyncDisposableStack();
      runDir = stack.use(await makeRunDir()).path;
      folder = await mkdtemp(join(tmpdir(), 'coxswain-test-'));
      stack.defer(() => rm(folder, { recursive: true, force: true }));
      const more = join(folder, 'attached.yaml');
      await writeFile(more, attachedGateway);
      ca = await createTestCa();
      const { certificate, key } = await ca.issue([{ type: 'url', value: 'spiffe://person' }]);
      const manifests = [exampleManifests('gateway'), more];
      mesh = stack.use(await Sandbox.up({ name: 'edge', manifests, envoy: binary(version), runDir }));
      await mesh.exec('sleep.outside', ['sh', '-c', 'cat > /tmp/person.pem'], { input: `${certificate}\n${key}` });
      person = ['--cert', '/tmp/person.pem'];
      await put('simple', await issue('simple'));
      await put('mutual', await issue('mutual'), { 'ca.crt': ca.certificate });
      await mesh.apply(edge, { file: 'edge.yaml' });
      await mesh.apply(route, { file: 'route.yaml' });
    });
    after(async () => {
      await stack.disposeAsync();
    });

    /** `200`, or how curl failed. */
    const call = async (name: string, args: readonly string[] = [], at = gateway): Promise<string> => {
      const host = `${name}.example`;
      const { status, exit } = await mesh.curl('sleep.outside', `https://${host}/get`, {
        args: ['-k', '--connect-to', `${host}:443:${at}:443`, ...args],
      });
      return status === 0 ? `exit ${exit}` : String(status);
    };
    const becomes = async (wanted: string, name: string, args: readonly string[] = [], at = gateway): Promise<void> => {
      let last = '';
      await eventually(`${name} at ${at} to give ${wanted}`, async () => {
        last = await call(name, args, at);
        return last === wanted ? true : undefined;
      }).catch((thrown: unknown) => {
        throw new Error(`${String(thrown)}; it gave ${last}`);
      });
    };
    const listenerUpdates = async (): Promise<string> =>
      (await mesh.envoyAdmin(gateway, '/stats?filter=^listener_manager.listener_(added|modified|in_place_updated)$'))
        .body;
    const findings = async (): Promise<readonly string[]> => {
      const found: readonly Finding[] = JSON.parse((await mesh.admin('/debug/findings')).body);
      return found
        .filter(({ code }) => code.startsWith('credential'))
        .map(({ object, field, message }) => `${object} ${field}: ${message}`);
    };

    it('SIMPLE asks for nothing, MUTUAL for a certificate that its CA signed', async () => {
      await becomes('200', 'simple');
      await becomes('200', 'mutual', person);
      expect(await call('mutual'), 'TLS, or HTTP/2 over it, ends at once').to.match(/^exit (16|35|55|56)$/);
      expect(await findings()).to.deep.equal([]);
    });

    it('are renewed under connections that stay open', async () => {
      const child = mesh.spawn('sleep.outside', [mesh.insidePath('bin/node'), '-e', client, gateway]);
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const next = async (): Promise<string> => String((await lines.next()).value);
      expect(await next()).to.equal('connected');
      child.stdin.write('\n');
      const first = await next();
      expect(first).to.match(/^204 /);
      const serial = async (): Promise<string> => {
        const { stdout } = await mesh.exec('sleep.outside', [
          'sh',
          '-c',
          `openssl s_client -connect ${gateway}:443 -servername simple.example < /dev/null 2>/dev/null | openssl x509 -noout -serial`,
        ]);
        return stdout.trim();
      };
      const before = await serial();
      const updates = await listenerUpdates();
      expect(before).to.match(/^serial=./);
      await put('simple', await issue('simple'));
      await eventually('the next certificate', async () => {
        const now = await serial();
        return now !== before && now !== '' ? true : undefined;
      });
      child.stdin.write('\n');
      expect(await next(), 'the same connection').to.equal(first);
      expect(await listenerUpdates(), 'no listener changed').to.equal(updates);
      child.stdin.end();
      await once(child, 'exit');
    });

    it('that is missing closes its own server alone, and says so', async () => {
      await mesh.remove('secret-mutual.yaml');
      await eventually('mutual to be closed', async () =>
        (await call('mutual', person)).startsWith('exit') ? true : undefined,
      );
      expect(await call('simple')).to.equal('200');
      expect(await findings()).to.deep.equal([
        'Gateway/istio-system/edge spec.servers[1].tls.credentialName: there is no Secret istio-system/mutual: connections to this server are closed',
      ]);
      await put('mutual', await issue('mutual'), { 'ca.crt': ca.certificate });
      await becomes('200', 'mutual', person);
      expect(await findings()).to.deep.equal([]);
    });

    it('let policies know who comes: by selector, and by the Gateway that a policy is attached to', async () => {
      await becomes('200', 'mutual', person, attached);
      const rules = [{ from: [{ source: { principals: ['person'] } }] }];
      await mesh.apply(
        policy('deny', 'AuthorizationPolicy', {
          selector: { matchLabels: { app: 'istio-ingressgateway' } },
          action: 'DENY',
          rules,
        }),
        { file: 'deny.yaml' },
      );
      await becomes('403', 'mutual', person);
      expect([await call('simple'), await call('mutual', person, attached)]).to.deep.equal(['200', '200']);
      const targetRefs = [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' }];
      await mesh.apply(policy('deny', 'AuthorizationPolicy', { targetRefs, action: 'DENY', rules }), {
        file: 'deny.yaml',
      });
      await becomes('403', 'mutual', person, attached);
      await becomes('200', 'mutual', person);
      await mesh.remove('deny.yaml');
      await becomes('200', 'mutual', person, attached);
    });

    it('tokens are checked at the edge', async () => {
      const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
      const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k' }] });
      const issuer = 'https://issuer.example';
      const token = await new SignJWT({ sub: 'x' })
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setIssuer(issuer)
        .setExpirationTime('5m')
        .sign(privateKey);
      await mesh.apply(
        policy('jwt', 'RequestAuthentication', {
          selector: { matchLabels: { istio: 'ingressgateway' } },
          jwtRules: [{ issuer, jwks }],
        }),
        { file: 'jwt.yaml' },
      );
      const bearer = (text: string): readonly string[] => ['-H', `authorization: Bearer ${text}`];
      await becomes('401', 'simple', bearer(`${token.slice(0, -8)}AAAAAAAA`));
      expect([await call('simple', bearer(token)), await call('simple')]).to.deep.equal(['200', '200']);
      await mesh.remove('jwt.yaml');
      await becomes('200', 'simple', bearer('x.y.z'));
    });

    it('are shown by no page, no dump, no metric and no log', async () => {
      const pages = ['syncz', 'connections', 'findings', 'configz', 'registryz', 'views', 'list', 'shadow'];
      const urls = [
        '/metrics',
        ...pages.map((page) => `/debug/${page}`),
        '/debug/config_dump?proxyID=istio-ingressgateway-1.istio-system',
      ];
      const texts: string[] = [];
      for (const url of urls) texts.push((await mesh.admin(url)).body);
      expect(texts.join('').length).to.be.greaterThan(10_000);
      for (const words of ['secret', 'secret -o json', 'listeners -o json', 'all -o json']) {
        const args = ['proxy-config', ...words.split(' '), gateway, '--sandbox', 'edge'];
        const shown = await textOf(startCli(args, runDir).stdout);
        expect(shown, words).to.contain('kubernetes://simple');
        texts.push(shown);
      }
      for (const log of await readdir(mesh.path('logs')))
        texts.push(await readFile(join(mesh.path('logs'), log), 'utf8'));
      for (const key of keys) {
        const [, line = 'no key'] = key.split('\n');
        const inBase64 = Buffer.from(key).toString('base64').slice(60, 100);
        for (const text of texts) expect(text.includes(line) || text.includes(inBase64)).to.equal(false);
      }
    });
  });
}
