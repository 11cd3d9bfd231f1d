import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { GatewaySecrets } from '../../src/ca/gateway-secrets.ts';
import { credentialsOf } from '../../src/model/credentials.ts';
import { directTopology, type GatewayTopology } from '../../src/model/gateway-topology.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import type { Layer } from '../../src/model/resource.ts';
import { types } from '../../src/model/type-urls.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { BuildCache } from '../../src/translate/cache.ts';
import { edgeRoutes } from '../../src/translate/edge-routes.ts';
import { gatewayListener, type StreamRoute } from '../../src/translate/envoy/gateway-listener.ts';
import { gatewayRouteConfiguration } from '../../src/translate/envoy/gateway-route.ts';
import { connectionSettings } from '../../src/translate/envoy/http-connection-manager.ts';
import type { RouteTargets } from '../../src/translate/envoy/http-routes.ts';
import { layer } from '../../src/translate/envoy/resource.ts';
import type { EdgeRoutes } from '../../src/translate/gateway-unit.ts';
import { inboundUnit } from '../../src/translate/inbound-unit.ts';
import { Policies } from '../../src/translate/policies.ts';
import { type EffectiveGateway, effectiveGateway, type ServerRef } from '../../src/translate/policy/gateway.ts';
import { effectiveInbound } from '../../src/translate/policy/inbound.ts';
import { snapshotIn } from './compiled.ts';
import { objectsOf } from './gateway-documents.ts';
import { edsCluster, endpoints, made, XdsEnvoy } from './xds-envoy.ts';
import type { FakeProvider } from './xds-provider.ts';
import { startServer } from './xds-server.ts';

/** What the router of these tests is. */
const router = {
  kind: 'router',
  namespace: 'edge',
  labels: { istio: 'ingressgateway' },
  namedPorts: {},
  pinnedBy: [],
} as const;

/** What curl said: its exit code, the status, and what the application got (its headers as it saw them). */
export interface Curled {
  readonly exit: number;
  readonly status: number;
  readonly body: string;
}

/** Where bytes go: server names of `raw.example` to the application that speaks TLS itself, all bytes that were decrypted to the other. */
function streamsOf({ hosts }: ServerRef): readonly StreamRoute[] {
  const to = (name: string, serverNames: readonly string[]) => ({
    serverNames,
    sourceSubnet: undefined,
    clusters: [{ name, weight: 1 }],
    tunnel: undefined,
  });
  return hosts.some(({ host }) => host.startsWith('tcp.')) ? [to('app', [])] : [to('raw', ['raw.example'])];
}

/** The first word of a destination is the application. */
const targets = (port: number): RouteTargets => ({
  port,
  clusterOf: ({ host }) => host.split('.')[0] ?? '',
  hashOf: () => undefined,
  tunnelOf: () => undefined,
});

const forward = [{ match: { prefix: '/' }, route: { cluster: 'app' } }];

/** What VirtualServices say; without any, every host leads to one application. */
function edgeOf(snapshot: Snapshot): EdgeRoutes {
  if (snapshot.virtualServices.size > 0) return edgeRoutes(snapshot, router, targets);
  return {
    streams: streamsOf,
    hosts: ({ servers }) =>
      servers.flatMap(({ hosts, httpsRedirect }) =>
        httpsRedirect ? [] : hosts.map(({ host }) => ({ host, routes: forward, httpsRedirect })),
      ),
  };
}

const empty = { enforced: [], dryRun: [] };
const noTcpPolicy = { custom: [], audit: empty, deny: empty, allow: empty };

/** A gateway's Envoy behind our xDS server, with what is compiled from documents. */
export class GatewayEnvoy implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #provider: FakeProvider;
  readonly #secrets = new GatewaySecrets();
  readonly envoy: XdsEnvoy;
  readonly folder: string;
  readonly #app: number;
  readonly #tlsApp: number;
  effective: EffectiveGateway | undefined;
  #meshSecrets: readonly Layer[] = [];

  private constructor(
    stack: AsyncDisposableStack,
    provider: FakeProvider,
    envoy: XdsEnvoy,
    folder: string,
    app: number,
    tlsApp: number,
  ) {
    this.#stack = stack;
    this.#provider = provider;
    this.envoy = envoy;
    this.folder = folder;
    this.#app = app;
    this.#tlsApp = tlsApp;
  }

  /** `tlsApp`: certificate and key of the application that speaks TLS itself. */
  static async start(
    version: string,
    yaml: readonly string[],
    tlsApp: { readonly certificate: string; readonly key: string },
    topology: GatewayTopology = directTopology,
  ): Promise<GatewayEnvoy> {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'coxswain-gateway-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const app = createServer((asked, answer) => answer.end(JSON.stringify(asked.headers)));
    app.on('upgrade', (_, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n');
    });
    const raw = createTlsServer({ cert: tlsApp.certificate, key: tlsApp.key }, (socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nraw'));
    });
    const ports: number[] = [];
    for (const server of [app, raw]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      ports.push(typeof address === 'object' && address !== null ? address.port : 0);
      stack.defer(() => {
        server.close();
      });
    }
    stack.defer(() => app.closeAllConnections());
    const xds = stack.use(await startServer());
    const [appPort = 0, tlsPort = 0] = ports;
    const envoy = stack.use(await XdsEnvoy.start(xds.port, 'DELTA_GRPC', 'shop/web', version));
    const gateway = new GatewayEnvoy(stack.move(), xds.provider, envoy, folder, appPort, tlsPort);
    gateway.update(yaml, topology);
    return gateway;
  }

  /** Puts other documents in force. */
  update(yaml: readonly string[], topology: GatewayTopology = directTopology): EffectiveGateway {
    const snapshot = snapshotIn({}, yaml.flatMap(objectsOf));
    const effective = effectiveGateway(snapshot, router);
    const edge = edgeOf(snapshot);
    const cache = new BuildCache({ verify: true });
    const unit = inboundUnit(cache, effectiveInbound(snapshot, router, new Policies(snapshot)), defaultMesh);
    const listeners = effective.listeners.map((listener) =>
      gatewayListener({
        listener,
        topology,
        streams: listener.chains.map(({ content }) =>
          'server' in content ? edge.streams(content.server, content.kind) : [],
        ),
        tcp: noTcpPolicy,
        authorizers: [],
        settings: connectionSettings(defaultMesh),
        trust: defaultMesh,
      }),
    );
    const routes = effective.routes.map((each) => gatewayRouteConfiguration(each, edge.hosts(each)));
    const find = (name: string) => snapshot.secrets.get(router.namespace)?.get(name);
    const provider = this.#provider;
    provider.share(
      types.secret,
      this.#secrets.layer(credentialsOf(router.namespace, effective.secrets, find), find),
      ...this.#meshSecrets,
    );
    provider.share(
      types.cluster,
      layer('c', [
        edsCluster('app'),
        edsCluster('raw'),
        made('envoy.config.cluster.v3.Cluster', 'BlackHoleCluster', {
          name: 'BlackHoleCluster',
          connectTimeout: { seconds: 1 },
        }),
      ]),
    );
    provider.share(types.endpoint, layer('e', [endpoints('app', this.#app), endpoints('raw', this.#tlsApp)]));
    provider.share(types.extension, unit.extensions);
    provider.share(types.route, layer('r', routes));
    provider.share(types.listener, layer('l', listeners));
    this.effective = effective;
    return effective;
  }

  /** What a router has as a workload of the mesh; in force with the next update. */
  joinMesh(authority: string, leaf: { readonly certificate: string; readonly key: string }): void {
    const type = 'envoy.extensions.transport_sockets.tls.v3.Secret';
    this.#meshSecrets = [
      layer('mesh', [
        made(type, 'ROOTCA', { name: 'ROOTCA', validationContext: { trustedCa: { inlineString: authority } } }),
        made(type, 'default', {
          name: 'default',
          tlsCertificate: {
            certificateChain: { inlineString: leaf.certificate },
            privateKey: { inlineString: leaf.key },
          },
        }),
      ]),
    ];
  }

  /** Runs curl against the gateway; `host` is the name that is resolved to it. */
  async curl(url: string, ...options: readonly string[]): Promise<Curled> {
    const { hostname, port } = new URL(url);
    const words = [
      '-sS',
      '-k',
      '--max-time',
      '10',
      '--resolve',
      `${hostname}:${port}:127.0.0.1`,
      '-w',
      '\n%{http_code}',
      ...options,
      url,
    ];
    return await new Promise((resolve) => {
      execFile('curl', words, (error, stdout) => {
        const end = stdout.lastIndexOf('\n');
        const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ exit, status: Number(stdout.slice(end + 1)), body: stdout.slice(0, Math.max(end, 0)) });
      });
    });
  }

  /** Waits until a request is answered in the wanted way; returns it, or fails with the last one. */
  async until(want: (curled: Curled) => boolean, url: string, ...options: readonly string[]): Promise<Curled> {
    const deadline = AbortSignal.timeout(20_000);
    for (;;) {
      const last = await this.curl(url, ...options);
      if (want(last)) return last;
      if (deadline.aborted) throw new Error(`${url}: ${JSON.stringify(last)}\n${this.envoy.said.slice(-3000)}`);
      await delay(25);
    }
  }

  /** A client certificate for curl. */
  async certificate(
    name: string,
    leaf: { readonly certificate: string; readonly key: string },
  ): Promise<readonly string[]> {
    const file = join(this.folder, `${name}.pem`);
    await writeFile(file, `${leaf.certificate}\n${leaf.key}`, { mode: 0o600 });
    return ['--cert', file];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
