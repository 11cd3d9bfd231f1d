import { defaultInjectSettings, type InjectSettings } from '../inject/settings.ts';
import type { KubeClient } from '../kube/client.ts';
import { ifFound } from '../kube/if-found.ts';
import { isRecord } from '../lib/is-record.ts';
import type { Surroundings } from '../lib/surroundings.ts';
import type { Labels } from '../model/object.ts';
import type { KubernetesPlatform } from '../settings.ts';
import { startWebhookServer, type WebhookServer } from '../webhook/server.ts';
import { objectsOf } from './admin-sources.ts';
import type { Running } from './ground.ts';

/** A cluster, and the control plane that runs for it. */
export interface ClusterParts {
  readonly client: KubeClient;
  readonly platform: KubernetesPlatform;
  readonly running: Running;
  readonly surroundings: Surroundings;
}

/** The first minor version of Kubernetes 1 that runs init containers with `restartPolicy: Always` without being asked to. */
const nativeSidecarsSince = 29;

/** Starts to answer the API server: which pods get a sidecar, and which policies can be read. */
export async function startClusterWebhooks(duties: ClusterParts): Promise<WebhookServer> {
  const { client, platform, running, surroundings } = duties;
  const { store, serving, metrics } = running;
  const nativeSidecars = await runsNativeSidecars(client);
  return await startWebhookServer({
    ...platform.webhook,
    context: serving.context,
    inject: {
      settings: () => injectSettings(duties, nativeSidecars),
      namespaceLabels: (name) => store.snapshot.namespaces.get('')?.get(name)?.meta.labels,
      fetchNamespaceLabels: (name, signal) => fetchLabels(client, name, signal),
    },
    validate: {
      mesh: () => store.snapshot.mesh,
      knownObjects: () => [...objectsOf(store.snapshot)],
    },
    count: (call) => metrics.webhookCalled(call),
    log: surroundings.log,
    clock: surroundings.clock,
  });
}

function injectSettings({ platform, running }: ClusterParts, nativeSidecars: boolean): InjectSettings {
  const defaults = defaultInjectSettings(platform.namespace);
  const { init, proxy } = platform.images;
  return {
    ...defaults,
    dnsDomain: running.store.snapshot.mesh.dnsDomain,
    nativeSidecars,
    ...(init === undefined ? {} : { image: init }),
    // Whoever brings an Envoy of their own brings it for both kinds of pods.
    ...(proxy === undefined || proxy === defaults.proxyImage ? {} : { proxyImage: proxy, classicProxyImage: proxy }),
  };
}

async function runsNativeSidecars(client: KubeClient): Promise<boolean> {
  const version = await client.request('GET', '/version');
  if (!isRecord(version)) return false;
  const { major, minor } = version;
  // Some servers write `29+`.
  return Number(major) > 1 || Number.parseInt(String(minor), 10) >= nativeSidecarsSince;
}

async function fetchLabels(client: KubeClient, name: string, signal: AbortSignal): Promise<Labels | undefined> {
  const found = await ifFound(client.get(`/api/v1/namespaces/${encodeURIComponent(name)}`));
  signal.throwIfAborted();
  return found && (found.metadata.labels ?? {});
}
