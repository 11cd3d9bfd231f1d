import type { Authority } from '../ca/authority.ts';
import { rootConfigMaps } from '../cluster/root-config-maps.ts';
import { type Status, startStatus } from '../cluster/status/status.ts';
import { webhookBundles } from '../cluster/webhook-bundles.ts';
import { isSelected } from '../config/discovery.ts';
import { lead, together } from '../kube/leader.ts';
import type { Duties } from './ground.ts';
import { type ClusterParts, startClusterWebhooks } from './kubernetes-webhooks.ts';

/** What the duties of a replica are made of. */
export type ClusterDuties = ClusterParts & { readonly authority: Authority };

/** Name of the Lease by which one replica is chosen for what must be written once. */
const lease = 'coxswain-leader';

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
    { client, namespace, lease, identity: replica.name, ...surroundings },
    stop.signal,
    together(
      {
        status: (signal) => status.lead(signal),
        'root certificates': rootConfigMaps({
          client,
          roots,
          selected: (labels) => isSelected(labels, running.store.snapshot.mesh.discoverySelectors),
          changed: (listener) => running.changed.add(listener),
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
      streams: () => xds.status(),
      findings,
    },
    ...surroundings,
  });
}
