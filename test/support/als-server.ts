import { credentials } from '@grpc/grpc-js';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { MeshServerCredentials } from '../../src/lib/grpc.ts';
import { silentLogger } from '../../src/lib/log.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { checkRegistry } from '../../src/runtime/config-provider.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { type AccessLogLimits, AccessLogService } from '../../src/telemetry/access-log-service.ts';
import { Collector, type UnknownKey } from '../../src/telemetry/collector.ts';
import { createXdsServer } from '../../src/xds/server.ts';
import type { XdsServer } from '../../src/xds/server-types.ts';
import { snapshotOf } from './objects.ts';
import { createTestCa, type Leaf } from './rbac-certificates.ts';
import { type RawStream, XdsClient } from './xds-grpc.ts';
import { FakeProvider } from './xds-provider.ts';
import { fakeAuthenticator } from './xds-server.ts';

const serverName = 'coxswain.istio-system.svc';
const path = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';

/** What a test may want otherwise. */
export interface AlsServerOptions {
  readonly objects?: readonly MeshObject[];
  readonly limits?: Partial<AccessLogLimits>;
  readonly clock?: Clock;
  readonly maxAgeMs?: number;
}

/** An xDS server over TLS with the access log service beside it, as in a control plane. */
export interface AlsServer extends AsyncDisposable {
  readonly xds: XdsServer;
  readonly logs: AccessLogService;
  readonly collector: Collector;
  readonly unknownKeys: readonly UnknownKey[];
  readonly port: number;
  /** PEM of the CA, and what the server shows. */
  readonly ca: string;
  readonly leaf: Leaf;
  set(...objects: readonly MeshObject[]): void;
  client(): XdsClient;
}

export async function startAlsServer(options: AlsServerOptions = {}): Promise<AlsServer> {
  const { clock = systemClock, maxAgeMs = 0, limits = {} } = options;
  let snapshot: Snapshot = snapshotOf(options.objects ?? []);
  const unknownKeys: UnknownKey[] = [];
  const collector = new Collector({
    snapshot: () => snapshot,
    clock,
    reportUnknownKey: (workload) => unknownKeys.push(workload),
  });
  collector.follow();
  const logs = new AccessLogService({
    collector,
    authenticator: fakeAuthenticator,
    check: (proxy) => checkRegistry(proxy, snapshot),
    clock,
    log: silentLogger,
    random: () => 0.5,
    maxAgeMs,
    limits,
  });
  const ca = await createTestCa();
  const leaf = await ca.issue([{ type: 'dns', value: serverName }]);
  const xds = createXdsServer({
    provider: new FakeProvider(),
    authenticator: fakeAuthenticator,
    clock: systemClock,
    log: silentLogger,
    maxConnectionAgeMs: 0,
  });
  const tls = new MeshServerCredentials({ cert: leaf.certificate, key: leaf.key, ca: [ca.certificate] });
  const port = await xds.listenTls('127.0.0.1:0', tls, [logs.service]);
  return {
    xds,
    logs,
    collector,
    unknownKeys,
    port,
    ca: ca.certificate,
    leaf,
    set(...objects) {
      snapshot = snapshotOf(objects);
      collector.follow();
    },
    client: () => new XdsClient(port, { tls: credentials.createSsl(Buffer.from(ca.certificate)), host: serverName }),
    async [Symbol.asyncDispose]() {
      logs[Symbol.dispose]();
      await xds.close(0);
    },
  };
}

/** A stream of access logs, with a token that the test's authenticator believes. */
export function openLogs(client: XdsClient, token: string): RawStream {
  return client.delta(token, path).raw;
}
