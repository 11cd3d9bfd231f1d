import type { Authority } from '../ca/authority.ts';
import { rootConfigMaps } from '../cluster/root-config-maps.ts';
import { type Status, startStatus } from '../cluster/status/status.ts';
import { webhookBundles } from '../cluster/webhook-bundles.ts';
import { together } from '../kube/duty.ts';
import { lead } from '../kube/leader.ts';
import { leaseName } from '../model/cluster-names.ts';
import { isSelected } from '../model/label-selector.ts';
import type { Proxy } from '../model/proxy.ts';
import { findWorkload } from '../snapshot/indexes.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import type { Duties } from './ground.ts';
import { type ClusterParts, startClusterWebhooks } from './kubernetes-webhooks.ts';

/** What the duties of a replica are made of. */
export type ClusterDuties = ClusterParts & { readonly authority: Authority };

/**
 * What a control plane does for its cluster, beside serving proxies: every replica reports how far policies have spread
 * among its own; the one that leads writes status, root certificates and the webhooks' CA bundle.
 */
export async function startClusterDuties(duties: ClusterDuties): Promise<Duties> {
  const { client, platform, authority, running, surroundings } = duties;
  const { namespace, replica } = platform;
  await using stack = new AsyncDisposableStack();
  const status = stack.use(statusOf(duties));
  stack.use(running.changed.add(() => status.configurationChanged()));
  stack.use(running.moved.add(() => status.streamsMoved()));

  const webhooks = stack.use(await startClusterWebhooks(duties));
  stack.use(running.rotated.add(() => webhooks.rotate(running.serving.context)));

  const stop = new AbortController();
  const roots = (): readonly string[] => authority.roots;
  const leadership = lead(
    { client, namespace, lease: leaseName, identity: replica.name, ...surroundings },
    stop.signal,
    together(
      {
        status: (signal) => status.lead(signal),
        'root certificates': rootConfigMaps({
          client,
          roots,
          selected: (labels) => isSelected(labels, running.store.snapshot.mesh.discoverySelectors),
          changed: (listener) => running.meshChanged.add(listener),
          ...surroundings,
        }),
        'webhook bundles': webhookBundles({ client, roots, ...surroundings }),
      },
      surroundings,
    ),
  );
  stack.defer(async () => {
    stop.abort();
    await leadership.done;
  });
  const parts = stack.move();
  return {
    get leading() {
      return leadership.isLeader;
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function statusOf({ client, platform, running, surroundings }: ClusterDuties): Status {
  const { store, compiler, xds, findings } = running;
  return startStatus({
    client,
    namespace: platform.namespace,
    replica: platform.replica.name,
    podUid: platform.replica.podUid,
    sources: {
      snapshot: () => store.snapshot,
      views: () => compiler.views().map(({ view }) => view),
      // Whoever has a token that isn't bound to a pod can claim to be one that doesn't exist.
      streams: () => xds.status().filter(({ proxy }) => isKnown(store.snapshot, proxy)),
      hidden: () => hiddenNamespaces(store.snapshot),
      findings,
    },
    ...surroundings,
  });
}

function isKnown(snapshot: Snapshot, { namespace, name }: Proxy): boolean {
  return findWorkload(snapshot, namespace, name) !== undefined;
}

function hiddenNamespaces(snapshot: Snapshot): ReadonlySet<string> {
  const { discoverySelectors } = snapshot.mesh;
  const hidden = [...all(snapshot.namespaces)].filter(({ meta }) => !isSelected(meta.labels, discoverySelectors));
  return new Set(hidden.map(({ meta }) => meta.name));
}
