import { defaultInjectSettings, type InjectSettings } from '../inject/settings.ts';
import type { KubeClient } from '../kube/client.ts';
import { MeshError } from '../lib/errors.ts';
import type { Labels } from '../model/object.ts';
import type { KubernetesPlatform } from '../settings.ts';
import { startWebhookServer, type WebhookServer } from '../webhook/server.ts';
import { objectsOf } from './admin-sources.ts';
import type { Running, Surroundings } from './ground.ts';

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
  if (typeof version !== 'object' || version === null) return false;
  const { major, minor } = version as { readonly major?: unknown; readonly minor?: unknown };
  // Some servers write `29+`.
  return Number(major) > 1 || Number.parseInt(String(minor), 10) >= nativeSidecarsSince;
}

async function fetchLabels(client: KubeClient, name: string, signal: AbortSignal): Promise<Labels | undefined> {
  try {
    const { metadata } = await client.get(`/api/v1/namespaces/${encodeURIComponent(name)}`);
    signal.throwIfAborted();
    return metadata.labels ?? {};
  } catch (thrown) {
    if (thrown instanceof MeshError && thrown.code === 'not-found') return undefined;
    throw thrown;
  }
}
