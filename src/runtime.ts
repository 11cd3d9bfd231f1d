import { mkdir } from 'node:fs/promises';
import { isIP } from 'node:net';
import { MetricsRegistry } from './admin/metrics.ts';
import { startAdminServer } from './admin/server.ts';
import type { Readiness } from './admin/sources.ts';
import { createAuthenticator } from './ca/authenticate.ts';
import { openJoinKeys } from './ca/join-keys.ts';
import { openAuthority } from './ca/open-authority.ts';
import { createSecretProvider } from './ca/secrets.ts';
import { openServingCertificate, servingNames } from './ca/serving.ts';
import { packageVersion } from './cli/version.ts';
import { directorySource } from './config/directory.ts';
import type { ConfigSource } from './config/source.ts';
import { type Clock, systemClock } from './lib/clock.ts';
import { MeshError } from './lib/errors.ts';
import { MeshServerCredentials } from './lib/grpc.ts';
import { createLogger, type Logger } from './lib/log.ts';
import type { Finding } from './model/finding.ts';
import type { Mesh } from './model/mesh.ts';
import { adminSources } from './runtime/admin-sources.ts';
import { runCompileLoop } from './runtime/compile-loop.ts';
import { configProvider } from './runtime/config-provider.ts';
import { watchMesh } from './runtime/mesh-reload.ts';
import { addressText, type Settings } from './settings.ts';
import { Store } from './snapshot/store.ts';
import { Compiler } from './translate/compiler.ts';
import { createXdsServer, type XdsServer } from './xds/server.ts';

/** What tests replace; the program itself takes the defaults. */
export interface Dependencies {
  readonly source?: ConfigSource;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly random?: () => number;
}

/** A control plane that serves; dispose to stop it in order. */
export interface ControlPlane extends AsyncDisposable {
  readonly xds: XdsServer;
  readonly xdsPort: number;
  readonly insecurePort: number | undefined;
  readonly adminPort: number;
}

const drainMs = 2_000;
const firstSyncMs = 30_000;

/**
 * The composition root: makes every part, joins them, and starts to serve once the first whole set of configuration is
 * compiled, so that no proxy ever gets half of it.
 */
export async function startControlPlane(settings: Settings, dependencies: Dependencies = {}): Promise<ControlPlane> {
  const { clock = systemClock, log = createLogger(settings.logLevel), random = Math.random } = dependencies;
  await using stack = new AsyncDisposableStack();
  await mkdir(settings.stateDir, { recursive: true, mode: 0o700 });
  const { mesh } = settings;
  const authority = await openAuthority(settings.stateDir, { trustDomain: mesh.trustDomain, clock });
  const joinKeys = await openJoinKeys(settings.stateDir);
  const allowPlaintext = settings.xdsInsecure !== undefined;
  const authenticator = createAuthenticator({
    authority,
    joinKeys,
    clock,
    trustDomainAliases: mesh.trustDomainAliases,
    allowPlaintext,
  });

  const store = new Store(mesh);
  const compiler = new Compiler(store.snapshot);
  let metrics: MetricsRegistry | undefined;
  const secrets = createSecretProvider({
    authority,
    clock,
    random,
    log,
    ttlMs: settings.svidTtlMs,
    issued: () => metrics?.certificateIssued(),
  });
  const xds = createXdsServer({
    provider: configProvider(compiler, secrets),
    authenticator,
    clock,
    log,
    converged: (ms) => metrics?.converged(ms / 1_000),
  });
  stack.defer(() => xds.close(drainMs));

  let readiness: Readiness = { ready: false, reason: 'configuration is being read' };
  let { meshFindings } = settings;
  const sources = adminSources({
    store,
    compiler,
    xds,
    meshFindings: () => meshFindings,
    readiness: () => readiness,
  });
  const version = await packageVersion();
  metrics = new MetricsRegistry(sources, version, clock.now(), () => clock.now());
  const admin = stack.use(await startAdminServer({ ...settings.admin, sources, version, metrics, log }));

  const source = stack.use(dependencies.source ?? directorySource(settings.configDir, { clock, log }));
  const stop = new AbortController();
  const synced = Promise.withResolvers<void>();
  const loop = runCompileLoop(
    {
      source,
      store,
      compiler,
      log,
      synced: synced.resolve,
      failed: () => metrics?.internalError(),
      committed: (kinds, seconds) => {
        metrics?.compiled(seconds);
        for (const kind of kinds) metrics?.updated(kind);
      },
    },
    stop.signal,
  );
  loop.catch(synced.reject);
  stack.defer(async () => {
    stop.abort();
    await loop;
  });
  await within(synced.promise, clock);
  if (settings.meshFile !== undefined) {
    const changed = (next: Mesh, findings: readonly Finding[]): void => {
      meshFindings = findings;
      compiler.update(store.setMesh(next), []);
    };
    stack.use(watchMesh({ file: settings.meshFile, current: () => store.snapshot.mesh, changed, log }));
  }

  const serving = openServingCertificate(
    {
      authority,
      clock,
      random,
      log,
      dnsNames: [...servingNames(mesh.rootNamespace), ...settings.xdsNames.filter((name) => isIP(name) === 0)],
      ipAddresses: ['127.0.0.1', '::1', ...settings.xdsNames.filter((name) => isIP(name) !== 0)],
    },
    (context) => credentials.rotate(context.reveal()),
  );
  stack.use(serving);
  const credentials = new MeshServerCredentials(serving.context.reveal());
  const xdsPort = await xds.listenTls(addressText(settings.xds), credentials);
  const insecurePort = settings.xdsInsecure && (await xds.listenInsecure(addressText(settings.xdsInsecure)));
  readiness = { ready: true };

  const parts = stack.move();
  return {
    xds,
    xdsPort,
    insecurePort,
    adminPort: admin.port,
    async [Symbol.asyncDispose]() {
      readiness = { ready: false, reason: 'shutting down' };
      await parts.disposeAsync();
    },
  };
}

/** A directory that can't be read in half a minute is an error to show, not a server that never gets ready. */
async function within(synced: Promise<void>, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<never>();
  using _timer = clock.after(firstSyncMs, () =>
    late.reject(new MeshError('unavailable', 'the configuration did not arrive in 30 seconds')),
  );
  await Promise.race([synced, late.promise]);
}
