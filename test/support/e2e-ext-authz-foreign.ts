import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runChecked } from '../../src/sandbox/run-command.ts';
import type { UpOptions } from '../../src/sandbox/up-options.ts';
import type { Mesh } from './e2e-mesh.ts';
import { toYaml, worldManifests } from './e2e-world.ts';
import { eventually } from './sandbox.ts';

const home = fileURLToPath(new URL('../../', import.meta.url));

/** Folder of the authorizer, which is built here unless it's there: its version stands in the Go module that it is built from. */
async function foreignFolder(): Promise<string> {
  const module = await readFile(`${home}scripts/setup/ext-authz/go.mod`, 'utf8');
  const version = /istio\.io\/istio v(\S+)/.exec(module)?.[1] ?? '';
  await runChecked([`${home}scripts/setup/ext-authz.sh`, version]);
  return `${home}.tools/ext-authz-${version}`;
}

const metadata = { name: 'foreign', namespace: 'bar' };
const ports = { grpc: 9_000, http: 8_000 } as const;
const service = 'foreign.bar.svc.cluster.local';
const told = 'x-ext-authz-check-result';

const providers = [
  { name: 'foreign-grpc', envoyExtAuthzGrpc: { service, port: ports.grpc } },
  {
    name: 'foreign-http',
    envoyExtAuthzHttp: {
      service,
      port: ports.http,
      includeRequestHeadersInCheck: ['x-ext-authz'],
      headersToUpstreamOnAllow: [told],
      headersToDownstreamOnDeny: [told],
    },
  },
];

/** The world with a pod, which has a sidecar, for an external authorizer that we did not write: {@link startForeign}. */
export async function withForeignAuthorizer(): Promise<Partial<UpOptions> & { readonly meshYaml: string }> {
  const container = { name: 'foreign', image: 'example/foreign' };
  const containerPorts = Object.values(ports).map((containerPort) => ({ containerPort }));
  const servicePorts = Object.entries(ports).map(([name, port]) => ({ name, port }));
  const pod = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels: { app: 'foreign' } },
      spec: { serviceAccountName: 'foreign', containers: [{ ...container, ports: containerPorts }] },
    },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: 'foreign' }, ports: servicePorts } },
  ];
  return {
    manifests: [{ file: 'world.yaml', yaml: `${worldManifests()}\n---\n${toYaml(pod)}` }],
    appDirs: [`${home}test/e2e/apps`, await foreignFolder()],
    meshYaml: JSON.stringify({ extensionProviders: providers }),
  };
}

/** Runs a program until standard input ends. */
const untilTold = '"$@" & read -r _; kill $!; wait';

/** Runs the authorizer in its pod: it allows `x-ext-authz: allow`, and where that header is missing, service accounts named `sleep`. */
export async function startForeign({ sandbox }: Mesh): Promise<AsyncDisposable> {
  const flags = ['-allow_service_account=sleep', `-grpc=${ports.grpc}`, `-http=${ports.http}`];
  const program = sandbox.insidePath('apps/1/extauthz');
  const child = sandbox.spawn('foreign.bar', ['sh', '-c', untilTold, 'sh', program, ...flags]);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  child.stdout.resume();
  await eventually('the authorizer to listen', () => {
    if (child.exitCode !== null) throw new Error(`the authorizer ended: ${said}`);
    return /Starting gRPC server/.test(said) && /Starting HTTP server/.test(said) ? true : undefined;
  });
  return {
    async [Symbol.asyncDispose]() {
      const closed = child.exitCode === null ? once(child, 'close') : undefined;
      child.stdin.end();
      await closed;
    },
  };
}
