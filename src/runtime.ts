import { isIP } from 'node:net';
import { MetricsRegistry } from './admin/metrics.ts';
import { startAdminServer } from './admin/server.ts';
import type { Readiness } from './admin/sources.ts';
import { createAuthenticator } from './ca/authenticate.ts';
import { createSecretProvider } from './ca/secrets.ts';
import { openServingCertificate } from './ca/serving.ts';
import { packageVersion } from './cli/version.ts';
import { selectNamespaces } from './config/discovery.ts';
import type { ConfigSource } from './config/source.ts';
import { assertNever } from './lib/assert-never.ts';
import { type Clock, systemClock } from './lib/clock.ts';
import { MeshError } from './lib/errors.ts';
import { MeshServerCredentials } from './lib/grpc.ts';
import { Listeners } from './lib/listeners.ts';
import { createLogger, type Logger } from './lib/log.ts';
import { pause } from './lib/pause.ts';
import type { Surroundings } from './lib/surroundings.ts';
import type { Finding } from './model/finding.ts';
import { adminSources } from './runtime/admin-sources.ts';
import { runCompileLoop } from './runtime/compile-loop.ts';
import { configProvider } from './runtime/config-provider.ts';
import { openDirectoryGround } from './runtime/directory-ground.ts';
import type { Duties, Ground } from './runtime/ground.ts';
import { addressText, type Settings } from './settings.ts';
import { Store } from './snapshot/store.ts';
import { Compiler } from './translate/compiler.ts';
import { createXdsServer } from './xds/server.ts';
import type { XdsServer } from './xds/server-types.ts';

/** What tests replace; the program itself takes the defaults. */
export interface Dependencies {
  readonly source?: ConfigSource;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly random?: () => number;
}

/** A control plane that serves; dispose to stop it in order. */
export interface ControlPlane extends AsyncDisposable {
  /** Where its configuration comes from, for people. */
  readonly source: string;
  readonly xds: XdsServer;
  readonly xdsPort: number;
  readonly insecurePort: number | undefined;
  readonly adminPort: number;
}

const closeMs = 2_000;
const firstSyncMs = 30_000;

/**
 * The composition root: makes every part, joins them, and starts to serve once the first whole set of configuration is
 * compiled, so that no proxy ever gets half of it.
 */
export async function startControlPlane(settings: Settings, dependencies: Dependencies = {}): Promise<ControlPlane> {
  const { clock = systemClock, log = createLogger(settings.logLevel), random = Math.random } = dependencies;
  await using stack = new AsyncDisposableStack();
  const ground = stack.use(await openGround(settings, { clock, log, random }));
  const { authority } = ground;
  const { mesh } = ground.initial;
  const authenticator = createAuthenticator({
    authority,
    joinKeys: ground.joinKeys,
    reviewToken: ground.reviewToken,
    clock,
    trustDomainAliases: mesh.trustDomainAliases,
    allowPlaintext: settings.xdsInsecure !== undefined,
  });

  const store = new Store(mesh);
  const compiler = new Compiler(store.snapshot);
  const [changed, moved, rotated] = [new Listeners(), new Listeners(), new Listeners()];
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
    random,
    generation: () => compiler.generation,
    moved: () => moved.tell(),
    converged: (ms) => metrics?.converged(ms / 1_000),
    maxConnectionAgeMs: settings.xdsMaxAgeMs,
    maxStreams: settings.xdsMaxProxies,
  });
  stack.defer(() => xds.close(closeMs));

  let readiness: Readiness = { ready: false, reason: 'configuration is being read' };
  let duties: Duties | undefined;
  let meshFindings = ground.initial.findings;
  const sources = adminSources({
    store,
    compiler,
    xds,
    meshFindings: () => meshFindings,
    readiness: () => readiness,
    leading: () => duties?.leading ?? false,
  });
  const version = await packageVersion();
  metrics = new MetricsRegistry(sources, version, clock.now(), () => clock.now());
  const admin = stack.use(await startAdminServer({ ...settings.admin, sources, version, metrics, log }));

  const selection = selectNamespaces(dependencies.source ?? ground.source, mesh.discoverySelectors);
  const source = stack.use(selection);
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
      done: () => changed.tell(),
    },
    stop.signal,
  );
  loop.catch(synced.reject);
  stack.defer(async () => {
    stop.abort();
    await loop;
  });
  await within(synced.promise, clock);
  stack.use(
    ground.followMesh(
      () => store.snapshot.mesh,
      ({ mesh: next, findings }) => {
        meshFindings = findings;
        compiler.update(store.setMesh(next), []);
        selection.select(next.discoverySelectors);
        changed.tell();
      },
    ),
  );

  const serving = openServingCertificate(
    {
      authority,
      clock,
      random,
      log,
      dnsNames: [...ground.servingNames, ...settings.xdsNames.filter((name) => isIP(name) === 0)],
      ipAddresses: ['127.0.0.1', '::1', ...settings.xdsNames.filter((name) => isIP(name) !== 0)],
    },
    (context) => {
      credentials.rotate(context.reveal());
      rotated.tell();
    },
  );
  stack.use(serving);
  const credentials = new MeshServerCredentials(serving.context.reveal());
  const xdsPort = await xds.listenTls(addressText(settings.xds), credentials);
  const insecurePort = settings.xdsInsecure && (await xds.listenInsecure(addressText(settings.xdsInsecure)));
  const findings = (): readonly Finding[] => sources.findings();
  duties = stack.use(await ground.start({ store, compiler, xds, serving, findings, changed, moved, rotated, metrics }));
  readiness = { ready: true };

  const parts = stack.move();
  return {
    source: ground.name,
    xds,
    xdsPort,
    insecurePort,
    adminPort: admin.port,
    async [Symbol.asyncDispose]() {
      readiness = { ready: false, reason: 'shutting down' };
      if (ground.leaveMs > 0) await pause(clock, ground.leaveMs);
      if (ground.drainMs > 0) await xds.drain(ground.drainMs);
      await parts.disposeAsync();
    },
  };
}

async function openGround(settings: Settings, surroundings: Surroundings): Promise<Ground> {
  const { platform } = settings;
  switch (platform.kind) {
    case 'directory':
      return await openDirectoryGround(platform.directory, settings, surroundings);
    case 'kubernetes': {
      const { openKubernetesGround } = await import('./runtime/kubernetes-ground.ts');
      return await openKubernetesGround(platform, settings, surroundings);
    }
    default:
      return assertNever(platform);
  }
}

/** Configuration that can't be read in half a minute is an error to show, not a server that never gets ready. */
async function within(synced: Promise<void>, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<never>();
  using _timer = clock.after(firstSyncMs, () =>
    late.reject(new MeshError('unavailable', 'the configuration did not arrive in 30 seconds')),
  );
  await Promise.race([synced, late.promise]);
}
