import { expect } from 'chai';
import { parse } from 'yaml';
import { cli } from './run-cli.ts';

const mesh = (pod: string): string => `
apiVersion: v1
kind: Namespace
metadata: {name: foo, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: httpbin, namespace: foo}
---
apiVersion: v1
kind: Service
metadata: {name: httpbin, namespace: foo}
spec:
  selector: {app: httpbin}
  ports: [{name: http, port: 8000, targetPort: 80}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: foo}
spec: {mtls: {mode: STRICT}}
---
${pod}`;

const realPod = `
apiVersion: v1
kind: Pod
metadata: {name: httpbin-a, namespace: foo, labels: {app: httpbin}}
spec: {serviceAccountName: httpbin, containers: [{name: app, ports: [{containerPort: 80}]}]}
status: {podIP: 10.1.2.3, conditions: [{type: Ready, status: "True"}]}
`;
const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: httpbin, namespace: foo}
spec:
  replicas: 1
  selector: {matchLabels: {app: httpbin}}
  template:
    metadata: {labels: {app: httpbin}}
    spec: {serviceAccountName: httpbin, containers: [{name: app, ports: [{containerPort: 80}]}]}
`;

const names = (list: readonly { name?: string; cluster_name?: string }[]): readonly string[] =>
  list.map((each) => each.name ?? each.cluster_name ?? '');

describe('translate', () => {
  it('prints a proxy’s whole configuration by type, in Envoy’s own spelling', async () => {
    const { code, stdout, stderr } = await cli(['translate', '-f', '-', '--proxy', 'httpbin-a.foo'], {
      input: mesh(realPod),
    });
    expect([code, stderr]).to.deep.equal([0, '']);
    const shown = parse(stdout);
    expect(Object.keys(shown)).to.deep.equal([
      'clusters',
      'endpoints',
      'listeners',
      'routes',
      'virtual_hosts',
      'extensions',
    ]);
    expect(names(shown.clusters)).to.include.members([
      'inbound|80||',
      'outbound|8000||httpbin.foo.svc.cluster.local',
      'PassthroughCluster',
    ]);
    expect(names(shown.listeners)).to.include.members(['virtualInbound', 'virtualOutbound']);
    expect(names(shown.endpoints)).to.deep.equal(['outbound|8000||httpbin.foo.svc.cluster.local']);
    const inbound = shown.listeners.find((each: { name: string }) => each.name === 'virtualInbound');
    const chain = inbound.filter_chains.find(
      (each: { transport_socket?: object }) => each.transport_socket !== undefined,
    );
    expect(chain.transport_socket.typed_config['@type']).to.equal(
      'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    );
    expect(stdout).to.not.match(/private_key|PRIVATE KEY/);
  });

  it('prints one type as a list', async () => {
    const { stdout } = await cli(['translate', '-f', '-', '--proxy', 'httpbin-a.foo', '--type', 'eds', '-o', 'json'], {
      input: mesh(realPod),
    });
    const [assignment] = JSON.parse(stdout);
    expect(assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address).to.deep.equal({
      address: '10.1.2.3',
      port_value: 80,
    });
  });

  it('inlines virtual hosts if asked to', async () => {
    const routes = async (form: string): Promise<readonly string[]> => {
      const argv = [
        'translate',
        '-f',
        '-',
        '--proxy',
        'httpbin-a.foo',
        '--type',
        'rds',
        '-o',
        'json',
        '--routes',
        form,
      ];
      const [route] = JSON.parse((await cli(argv, { input: mesh(realPod) })).stdout);
      return names(route.virtual_hosts);
    };
    expect(await routes('vhds')).to.have.length(1);
    expect(await routes('inline')).to.have.length(2);
  });

  it('prints the edge of a pod that a Gateway chooses, and of any other as a router if asked to', async () => {
    const gateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: foo}
spec: {selector: {app: httpbin}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}`;
    const listeners = async (input: string, ...more: readonly string[]): Promise<readonly string[]> => {
      const argv = ['translate', '-f', '-', '--proxy', 'httpbin-a.foo', '--type', 'lds', '-o', 'json', ...more];
      return names(JSON.parse((await cli(argv, { input })).stdout));
    };
    const both = mesh(`${realPod}---${gateway}`);
    expect(await listeners(both)).to.deep.equal(['0.0.0.0_80']);
    expect(await listeners(both, '--kind', 'sidecar')).to.include('virtualInbound');
    expect(await listeners(mesh(realPod), '--kind', 'router')).to.deep.equal([]);
  });

  it('takes a Deployment for the pods that a sandbox would run', async () => {
    const input = mesh(deployment);
    const byDeployment = await cli(['translate', '-f', '-', '--proxy', 'httpbin.foo'], { input });
    const byPod = await cli(['translate', '-f', '-', '--proxy', 'httpbin-1.foo'], { input });
    expect(byDeployment.code).to.equal(0);
    expect(byDeployment.stdout).to.equal(byPod.stdout);
    expect(names(parse(byPod.stdout).clusters)).to.include('inbound|80||');
  });

  it('takes an example for what runs in it, by name and by folder, with policies on top', async () => {
    const argv = ['translate', '--proxy', 'httpbin.foo', '--type', 'lds', '-o', 'json'];
    const byName = await cli([...argv, '-f', 'httpbin']);
    const folder = new URL('../../../examples/httpbin', import.meta.url).pathname;
    expect([byName.code, byName.stderr]).to.deep.equal([0, '']);
    expect((await cli([...argv, '-f', folder])).stdout).to.equal(byName.stdout);
    const strict = await cli([...argv, '-f', folder, '-f', `${folder}/policies/mesh-strict.yaml`]);
    expect(strict.code).to.equal(0);
    const chains = ({ stdout }: { readonly stdout: string }): number =>
      JSON.parse(stdout).find((each: { name: string }) => each.name === 'virtualInbound').filter_chains.length;
    expect(chains(strict)).to.be.below(chains(byName));
  });

  it('means what the mesh file says', async () => {
    const outcome = await cli(['translate', '-f', '-', '--proxy', 'httpbin-a.foo', '--mesh', '/does/not/exist'], {
      input: mesh(realPod),
    });
    expect([outcome.code, outcome.stdout]).to.deep.equal([1, '']);
    expect(outcome.stderr).to.match(/^coxswain: can't read the mesh file: ENOENT/);
  });

  it('shows findings beside the configuration, and ends with 1 on an error', async () => {
    const { code, stdout, stderr } = await cli(['translate', '-f', '-', '--proxy', 'httpbin-a.foo'], {
      input: mesh(realPod).replace('STRICT', 'STRIC'),
    });
    expect(code).to.equal(1);
    expect(stderr).to.include('error spec.mtls.mode: unsupported value "STRIC"');
    expect(names(parse(stdout).listeners)).to.include('virtualInbound');
  });

  it('names the workloads that there are if the asked one is not', async () => {
    const { code, stderr } = await cli(['translate', '-f', '-', '--proxy', 'other.foo'], { input: mesh(realPod) });
    expect([code, stderr]).to.deep.equal([
      1,
      'coxswain: the files have no workload other.foo\n  hint: there: httpbin-a.foo\n',
    ]);
    expect((await cli(['translate', '-f', '-', '--proxy', 'other'], { input: mesh(realPod) })).code).to.equal(2);
  });
});
