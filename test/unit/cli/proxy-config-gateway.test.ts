import { expect } from 'chai';
import { worldOf } from '../../support/explain-world.ts';
import { sidecar } from '../../support/objects.ts';
import { compiledDump } from './compiled-dump.ts';
import { cli } from './run-cli.ts';

const documents = `apiVersion: v1
kind: Pod
metadata: {name: gateway, namespace: edge, labels: {istio: ingressgateway}}
spec: {serviceAccountName: gateway, containers: [{name: istio-proxy}]}
status: {podIP: 10.1.0.9}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
    - {port: {number: 80, name: http, protocol: HTTP}, hosts: [web.example]}
    - {port: {number: 80, name: moved, protocol: HTTP}, hosts: [secure.example], tls: {httpsRedirect: true}}
    - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [secure.example], tls: {mode: SIMPLE, credentialName: web-tls}}
    - {port: {number: 443, name: mesh, protocol: HTTPS}, hosts: [mesh.example], tls: {mode: ISTIO_MUTUAL}}
    - {port: {number: 443, name: through, protocol: TLS}, hosts: [tls.example], tls: {mode: PASSTHROUGH}}
    - {port: {number: 9000, name: tcp, protocol: TCP}, hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: site, namespace: shop}
spec:
  hosts: [web.example, secure.example, mesh.example]
  gateways: [edge/edge]
  http:
    - match: [{uri: {prefix: /api}, method: {exact: POST}, queryParams: {beta: {exact: "1"}}}]
      route: [{destination: {host: web, port: {number: 80}}}]
    - match: [{uri: {exact: /old}}]
      redirect: {uri: /new}
    - route: [{destination: {host: web, port: {number: 80}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: streams, namespace: shop}
spec:
  hosts: ["*", tls.example]
  gateways: [edge/edge]
  tls: [{match: [{sniHosts: [tls.example], port: 443}], route: [{destination: {host: web, port: {number: 5432}}}]}]
  tcp:
    - match: [{port: 9000, sourceSubnet: 10.2.0.0/16}]
      route: [{destination: {host: web, port: {number: 9000}}}]
    - match: [{port: 9000}]
      route:
        - {destination: {host: web, port: {number: 5432}}, weight: 90}
        - {destination: {host: web, port: {number: 9000}}, weight: 10}
`;

/** What the Envoy of the gateway would say; one of its servers has a certificate that is missing. */
function dump(): string {
  const { snapshot } = worldOf(documents).compiler;
  const pod = snapshot.pods.get('edge')?.get('gateway');
  if (pod === undefined) throw new Error('no gateway');
  const id = 'router~10.1.0.9~gateway.edge~edge.svc.cluster.local';
  return compiledDump(snapshot, sidecar(pod, { kind: 'router', id }));
}

describe('what a gateway holds', () => {
  let input: string;
  before(() => {
    input = dump();
  });

  /** Rows of a table without its header: cells are separated by two spaces or more. */
  async function rows(...argv: readonly string[]): Promise<readonly (readonly string[])[]> {
    const { code, stdout, stderr } = await cli([...argv, '-f', '-'], { input });
    expect([code, stderr]).to.deep.equal([0, '']);
    const lines = stdout.trimEnd().split('\n');
    return lines.slice(1).map((line) => line.split(/ {2,}/));
  }

  it('listener: one row a server, by its names; routes of bytes with the clients and the shares that they are for', async () => {
    const cluster = (port: number): string => `outbound|${port}||web.shop.svc.cluster.local`;
    expect(await rows('pc', 'listener')).to.deep.equal([
      ['0.0.0.0', '80', 'ALL', 'Route: http.80'],
      ['0.0.0.0', '443', 'SNI: secure.example; Trans: tls', 'Cluster: BlackHoleCluster'],
      ['0.0.0.0', '443', 'SNI: mesh.example; Trans: tls', 'Route: https.443.mesh.edge.edge'],
      ['0.0.0.0', '443', 'SNI: tls.example; Trans: tls', `Cluster: ${cluster(5432)}`],
      ['0.0.0.0', '9000', 'Source: 10.2.0.0/16', `Cluster: ${cluster(9000)}`],
      ['0.0.0.0', '9000', 'ALL', `Cluster: ${cluster(5432)} (weight 90), ${cluster(9000)} (weight 10)`],
    ]);
    expect(await rows('pc', 'listener', '--verbose=false')).to.deep.equal([
      ['0.0.0.0', '80', 'HTTP'],
      ['0.0.0.0', '443', 'HTTP+TCP'],
      ['0.0.0.0', '9000', 'TCP'],
    ]);
  });

  const of = (name: string, host: string, port: number): readonly (readonly string[])[] =>
    ['/api* header :method query beta', '/old', '/*'].map((match) => [
      name,
      `${host}:${port}`,
      host,
      match,
      'site.shop',
    ]);

  it('route: with the VirtualService of each, and what is sent to https before it', async () => {
    const plain = [
      ['http.80', 'secure.example:80', 'secure.example', '/*', 'redirects to https'],
      ...of('http.80', 'web.example', 80),
    ];
    const mesh = of('https.443.mesh.edge.edge', 'mesh.example', 443);
    expect(await rows('pc', 'route')).to.deep.equal([...plain, ...mesh]);
    expect(await rows('pc', 'route', '--port', '80')).to.deep.equal(plain);
    expect(await rows('pc', 'route', '--port', '443')).to.deep.equal(mesh);
  });

  it('cluster and endpoint: the ports that it routes to', async () => {
    const clusters = await rows('pc', 'cluster', '--direction', 'outbound');
    expect(clusters.map(([host, port]) => `${host}:${port}`)).to.deep.equal([
      'web.shop.svc.cluster.local:80',
      'web.shop.svc.cluster.local:5432',
      'web.shop.svc.cluster.local:9000',
    ]);
    expect(await rows('pc', 'endpoint', '--port', '8080')).to.deep.equal([
      ['10.1.0.1:8080', 'HEALTHY', '-', 'outbound|80||web.shop.svc.cluster.local'],
      ['10.1.0.2:8080', 'HEALTHY', '-', 'outbound|80||web.shop.svc.cluster.local'],
    ]);
  });

  it('authz check: what each server shows and asks for, without a mode, since no PeerAuthentication holds there', async () => {
    expect((await rows('authz', 'check')).slice(1)).to.deep.equal([
      ['Checked 3/3 listeners with node IP 10.1.0.9.'],
      ['LISTENER[FilterChain]', 'CERTIFICATE', 'mTLS (MODE)', 'AuthZ (RULES)'],
      ['0.0.0.0_443[0]', 'none', 'no (none)', 'no (none)'],
      ['0.0.0.0_443[1]', 'noneSDS: default', 'yes (none)', 'no (none)'],
      ['0.0.0.0_443[2]', 'none', 'no (none)', 'no (none)'],
      ['0.0.0.0_80', 'none', 'no (none)', 'no (none)'],
      ['0.0.0.0_9000[0]', 'none', 'no (none)', 'no (none)'],
      ['0.0.0.0_9000[1]', 'none', 'no (none)', 'no (none)'],
    ]);
  });
});
