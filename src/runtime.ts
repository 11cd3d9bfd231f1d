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
import { startKeySets } from './runtime/key-sets.ts';
import { startTelemetry } from './runtime/telemetry.ts';
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
/** How often it is said that configuration is still missing. */
const lookMs = 10_000;

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
  const told = {
    changed: new Listeners(),
    meshChanged: new Listeners(),
    moved: new Listeners(),
    rotated: new Listeners(),
  };
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
    moved: () => told.moved.tell(),
    converged: (ms) => metrics?.converged(ms / 1_000),
    maxConnectionAgeMs: settings.xdsMaxAgeMs,
    maxStreams: settings.xdsMaxProxies,
  });
  stack.defer(() => xds.close(closeMs));

  const keySets = stack.use(
    await startKeySets({
      store,
      compiler,
      settings: settings.jwks,
      told: () => told.changed.tell(),
      fetched: (result) => metrics?.keysFetched(result),
      failed: () => metrics?.internalError(),
      ...{ clock, log, random },
    }),
  );
  told.changed.add(() => keySets.changed());
  const telemetry = stack.use(
    startTelemetry({
      snapshot: () => store.snapshot,
      authenticator,
      clock,
      log,
      random,
      maxAgeMs: settings.xdsMaxAgeMs,
      reportUnknownKey: (workload) => keySets.unknownKey(workload),
    }),
  );
  told.changed.add(() => telemetry.changed());

  let readiness: Readiness | undefined;
  let duties: Duties | undefined;
  let meshFindings = ground.initial.findings;
  const sources = adminSources({
    store,
    compiler,
    xds,
    telemetry,
    keySets,
    meshFindings: () => meshFindings,
    readiness: () => readiness ?? { ready: false, reason: waitingFor(ground) },
    leading: () => duties?.leading ?? false,
    clock,
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
      done: () => told.changed.tell(),
    },
    stop.signal,
  );
  loop.catch(synced.reject);
  stack.defer(async () => {
    stop.abort();
    await loop;
  });
  await firstSync(synced.promise, ground, { clock, log });
  await keySets.tried();
  stack.use(
    ground.followMesh(
      () => store.snapshot.mesh,
      ({ mesh: next, findings }) => {
        meshFindings = findings;
        if (next !== store.snapshot.mesh) {
          compiler.update(store.setMesh(next), []);
          selection.select(next.discoverySelectors);
          told.meshChanged.tell();
        }
        told.changed.tell();
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
      told.rotated.tell();
    },
  );
  stack.use(serving);
  const credentials = new MeshServerCredentials(serving.context.reveal());
  const xdsPort = await xds.listenTls(addressText(settings.xds), credentials, [telemetry.service]);
  const insecurePort = settings.xdsInsecure && (await xds.listenInsecure(addressText(settings.xdsInsecure)));
  const findings = (): readonly Finding[] => sources.findings();
  duties = stack.use(await ground.start({ store, compiler, xds, serving, findings, metrics, ...told }));
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
      telemetry.leave();
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

function waitingFor(ground: Ground): string {
  const missing = ground.missing();
  return `configuration is being read${missing === '' ? '' : `: waiting for ${missing}`}`;
}

/** Waits for the first whole set; what takes longer than its ground may take is an error to show, not a server that never gets ready. */
async function firstSync(
  synced: Promise<void>,
  ground: Ground,
  { clock, log }: Pick<Surroundings, 'clock' | 'log'>,
): Promise<void> {
  const late = Promise.withResolvers<never>();
  let waited = 0;
  let timer: Disposable;
  const look = (): void => {
    waited += lookMs;
    if (waited >= ground.firstSyncMs) {
      late.reject(new MeshError('unavailable', `no whole configuration in ${waited / 1_000} seconds`));
      return;
    }
    log.warn({ seconds: waited / 1_000 }, waitingFor(ground));
    timer = clock.after(lookMs, look);
  };
  timer = clock.after(lookMs, look);
  try {
    await Promise.race([synced, late.promise]);
  } finally {
    timer[Symbol.dispose]();
  }
}
