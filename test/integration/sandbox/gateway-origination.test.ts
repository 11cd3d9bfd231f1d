import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Finding } from '../../../src/model/finding.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import type { Credentials } from '../../support/e2e-certificates.ts';
import { gatewayDocument, secretYaml } from '../../support/gateway-documents.ts';
import { makeAuthority, makeCertificate } from '../../support/origin-certificates.ts';
import { eventually, exampleManifests, makeRunDir } from '../../support/sandbox.ts';

interface DumpedSecret {
  readonly name: string;
  readonly secret?: { readonly tls_certificate?: object; readonly validation_context?: object };
}

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const gateway = 'istio-ingressgateway.istio-system';
const sidecar = 'httpbin.foo';
const origin = 'origin.outside';
const host = `${origin}.svc.cluster.local`;
/** Where the server listens that demands a certificate. */
const demanding = 10_444;

const manifests = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: origin, namespace: outside }
---
apiVersion: v1
kind: Service
metadata: { name: origin, namespace: outside }
spec: { selector: { app: origin }, ports: [{ name: http, port: 80, targetPort: ${demanding} }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: origin, namespace: outside }
spec:
  selector: { matchLabels: { app: origin } }
  template:
    metadata: { labels: { app: origin } }
    spec: { serviceAccountName: origin, containers: [{ name: origin, image: x, command: [/bin/sleep, infinity] }] }
`;
const networking = (kind: string, namespace: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'networking.istio.io/v1', kind, metadata: { name: 'origin', namespace }, spec });
const edge = gatewayDocument('origin', [{ port: 80, name: 'http', protocol: 'HTTP', hosts: [host] }], {
  namespace: 'istio-system',
});
const route = networking('VirtualService', 'outside', {
  hosts: [host],
  gateways: ['istio-system/origin'],
  http: [{ route: [{ destination: { host, port: { number: 80 } } }] }],
});
/** In the namespace of the server: gateways and sidecars of all namespaces follow it. */
const rule = networking('DestinationRule', 'outside', {
  host,
  trafficPolicy: { tls: { mode: 'MUTUAL', credentialName: 'origin' } },
});

for (const version of ['1.40.0', '1.36.2']) {
  describe(`the credential of a DestinationRule at a gateway, Envoy ${version}`, () => {
    let stack: AsyncDisposableStack;
    let mesh: Sandbox;
    const authority = makeAuthority('authority');
    const stranger = makeAuthority('stranger');

    /** A Secret as a gateway takes it: what it shows, and whom it trusts. */
    const secret = async ({ certificate, key }: Credentials, trusted = authority): Promise<void> => {
      const content = { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': trusted.certificate };
      await mesh.apply(secretYaml('origin', content, 'istio-system'), { file: 'secret.yaml' });
    };

    before(async () => {
      stack = new AsyncDisposableStack();
      const runDir = stack.use(await makeRunDir()).path;
      const folder = await mkdtemp(join(tmpdir(), 'coxswain-test-'));
      stack.defer(() => rm(folder, { recursive: true, force: true }));
      const more = join(folder, 'origin.yaml');
      await writeFile(more, manifests);
      mesh = stack.use(
        await Sandbox.up({
          name: 'origination',
          manifests: [exampleManifests('gateway'), more],
          appDirs: [at('examples/apps'), at('test/e2e/apps')],
          envoy: at(`.tools/envoy-${version}/envoy`),
          runDir,
        }),
      );
      const server = mesh.spawn(origin, [mesh.insidePath('bin/node'), mesh.insidePath('apps/1/tls-origin.ts')]);
      server.stderr.pipe(process.stderr);
      const { certificate, key } = makeCertificate(authority, 'origin', [host]);
      server.stdin.write(
        `${JSON.stringify([{ port: demanding, certificate, key, clients: authority.certificate }])}\n`,
      );
      await once(server.stdout, 'data');
      await mesh.apply(edge, { file: 'edge.yaml' });
      await mesh.apply(route, { file: 'route.yaml' });
      await mesh.apply(rule, { file: 'rule.yaml' });
    });
    after(async () => {
      await stack.disposeAsync();
    });

    /** Whose certificate the server saw, or the status. */
    const call = async (
      args: readonly string[] = ['--connect-to', `${host}:80:${gateway}:80`],
      from = 'sleep.outside',
    ) => {
      const { status, body } = await mesh.curl(from, `http://${host}/`, { args });
      return status === 200 ? `as ${JSON.parse(body).client}` : String(status);
    };
    const becomes = async (wanted: string): Promise<void> => {
      let last = '';
      await eventually(`the gateway to give ${wanted}`, async () => {
        last = await call();
        return last === wanted ? true : undefined;
      }).catch((thrown: unknown) => {
        throw new Error(`${String(thrown)}; it gave ${last}`);
      });
    };
    const counters = async (): Promise<string> => {
      const names =
        'listener_manager.listener_(added|modified|in_place_updated)|cluster_manager.cluster_(added|modified|removed)';
      return (await mesh.envoyAdmin(gateway, `/stats?filter=^(${names})$`)).body;
    };
    /** Credentials of which an Envoy has more than the name. */
    const held = async (pod: string): Promise<readonly string[]> => {
      const kinds = ['dynamic_active_secrets', 'dynamic_warming_secrets'];
      const pages = await Promise.all(
        kinds.map(async (kind) => (await mesh.envoyAdmin(pod, `/config_dump?resource=${kind}`)).body),
      );
      const secrets = pages.flatMap((page): readonly DumpedSecret[] => JSON.parse(page).configs ?? []);
      return secrets
        .filter(({ name, secret: { tls_certificate, validation_context } = {} }) => {
          const known = tls_certificate !== undefined || validation_context !== undefined;
          return name.startsWith('kubernetes://') && known;
        })
        .map(({ name }) => name)
        .sort();
    };
    const findings = async (): Promise<readonly string[]> => {
      const found: readonly Finding[] = JSON.parse((await mesh.admin('/debug/findings')).body);
      return found
        .filter(({ code }) => code.startsWith('credential'))
        .map(({ code, object, field, message }) => `${code} ${object} ${field}: ${message}`);
    };

    const onSidecars =
      'credential-on-sidecar DestinationRule/outside/origin spec.trafficPolicy.tls.credentialName: sidecars are given no credential, as gateways are: what they send by this rule gets 503';
    const lacking = (code: string, what: string): string =>
      `${code} DestinationRule/outside/origin spec.trafficPolicy.tls.credentialName: ${what}: what gateways of its namespace send by this rule gets 503`;
    const missing = lacking('credential-missing', 'there is no Secret istio-system/origin');

    it('that is missing speaks to nobody, and says so', async () => {
      await becomes('503');
      expect(await findings()).to.deep.equal([onSidecars, missing]);
    });

    it('is shown as soon as it is there', async () => {
      await secret(makeCertificate(authority, 'first'));
      await becomes('as first');
      expect(await findings()).to.deep.equal([onSidecars]);
    });

    it('is renewed without a listener or cluster that changes', async () => {
      const before = await counters();
      await secret(makeCertificate(authority, 'second'));
      await becomes('as second');
      expect(await counters()).to.equal(before);
    });

    it('fails where either side does not trust the other', async () => {
      await secret(makeCertificate(authority, 'untrusting'), stranger);
      await becomes('503');
      await secret(makeCertificate(authority, 'third'));
      await becomes('as third');
      await secret(makeCertificate(stranger, 'untrusted'));
      await becomes('503');
      await secret(makeCertificate(authority, 'fourth'));
      await becomes('as fourth');
      expect(await findings()).to.deep.equal([onSidecars]);
    });

    it('that breaks, or is taken back, is not used any more', async () => {
      await secret({ ...makeCertificate(authority, 'broken'), key: makeCertificate(authority, 'other').key });
      await becomes('503');
      const broken = 'Secret istio-system/origin: the key in tls.key is not that of the first certificate in tls.crt';
      expect(await findings()).to.deep.equal([onSidecars, lacking('credential-mismatch', broken)]);
      await secret(makeCertificate(authority, 'fifth'));
      await becomes('as fifth');
      await mesh.remove('secret.yaml');
      await becomes('503');
      expect(await findings()).to.deep.equal([onSidecars, missing]);
      await secret(makeCertificate(authority, 'sixth'));
      await becomes('as sixth');
    });

    it('is never given to a sidecar, though the rule is followed there, too', async () => {
      expect(await call([], sidecar)).to.equal('503');
      expect(await held(sidecar)).to.deep.equal([]);
      expect(await held(gateway)).to.deep.equal(['kubernetes://origin', 'kubernetes://origin-cacert']);
    });
  });
}
