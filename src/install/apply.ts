import type { KubeClient } from '../kube/client.ts';
import type { KubeObject } from '../kube/object.ts';
import type { Clock } from '../lib/clock.ts';
import { fieldManagers } from '../model/cluster-names.ts';
import { establishedReason, versionsServed } from './crd-state.ts';
import { deploymentReason, replicasToAsk } from './deployment-state.ts';
import { isOurs } from './labels.ts';
import { find } from './lookup.ts';
import { type Manifest, nameText, pathOf } from './manifest.ts';
import { type PollOptions, pollUntil } from './poll.ts';
import type { Step } from './step.ts';

export interface ApplyOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The API server checks everything and changes nothing. */
  readonly dryRun: boolean;
  /** Wait until each Deployment is ready. */
  readonly wait: boolean;
  readonly timeoutMs: number;
}

/**
 * Applies manifests in their order, by server-side apply, and tells what came of each. CustomResourceDefinitions and
 * namespaces that are not ours are left as they are. Throws what the API server says about the first that it refuses.
 */
export async function* applyManifests(manifests: readonly Manifest[], options: ApplyOptions): AsyncGenerator<Step> {
  const poll: PollOptions = { clock: options.clock, signal: options.signal, timeoutMs: options.timeoutMs };
  const crds = manifests.filter(({ kind }) => kind === 'CustomResourceDefinition');
  const ours: Manifest[] = [];
  for (const crd of crds) {
    options.signal.throwIfAborted();
    const step = await applyOne(crd, options);
    if (step.kind !== 'left-alone') ours.push(crd);
    yield step;
  }
  if (!options.dryRun) {
    for (const crd of ours) {
      await pollUntil(nameText(crd), poll, async () => establishedReason(await find(options.client, crd)));
    }
  }
  const missing = new Set<string>();
  for (const manifest of manifests) {
    if (crds.includes(manifest)) continue;
    options.signal.throwIfAborted();
    const namespace = manifest.metadata.namespace;
    if (namespace !== undefined && missing.has(namespace)) {
      yield { kind: 'created', object: manifest, dryRun: true };
      continue;
    }
    const step = await applyOne(manifest, options);
    // A dry run makes no namespace, and nothing can be tried in one that isn't there.
    if (options.dryRun && manifest.kind === 'Namespace' && step.kind === 'created') missing.add(manifest.metadata.name);
    yield step;
  }
  if (missing.size > 0) {
    const text = `namespace ${[...missing].join(', ')} is not there yet: what goes into it could not be checked`;
    yield { kind: 'note', text };
  }
  if (!options.wait || options.dryRun) return;
  for (const deployment of manifests.filter(({ kind }) => kind === 'Deployment')) {
    await pollUntil(nameText(deployment), { ...poll, intervalMs: 1000 }, async () =>
      deploymentReason(await find(options.client, deployment)),
    );
    yield { kind: 'note', text: `${nameText(deployment)} is ready` };
  }
}

async function applyOne(manifest: Manifest, { client, dryRun }: ApplyOptions): Promise<Step> {
  const before = await find(client, manifest);
  if (before !== undefined && !isOurs(before.metadata.labels)) {
    const reason = reasonToLeaveAlone(manifest, before);
    if (reason !== undefined) return { kind: 'left-alone', object: manifest, reason };
  }
  const wanted = manifest.kind === 'Deployment' ? withReplicas(manifest, before) : manifest;
  const after = await client.apply(pathOf(manifest), wanted, {
    fieldManager: fieldManagers.install,
    // What an installation says holds; what it doesn't say (CA bundles, a Service's addresses) stays with its owner.
    force: true,
    dryRun,
  });
  if (before === undefined) return { kind: 'created', object: manifest, dryRun };
  return { kind: said(before) === said(after) ? 'unchanged' : 'configured', object: manifest, dryRun };
}

/** What is said about an object by its owners: neither its status, nor who said it, nor when. */
function said({ metadata, status: _, ...rest }: KubeObject): string {
  const { resourceVersion: _version, managedFields: _managers, ...meta } = { managedFields: undefined, ...metadata };
  return JSON.stringify({ ...rest, meta });
}

function reasonToLeaveAlone(manifest: Manifest, before: KubeObject): string | undefined {
  switch (manifest.kind) {
    case 'Namespace':
      return 'it is there already';
    case 'CustomResourceDefinition':
      return `it is there already and not ours; ${versionsServed(before)}`;
    default:
      return undefined;
  }
}

/** The autoscaler owns the number of replicas, as long as it stays within what was asked for. */
function withReplicas(manifest: Manifest, before: KubeObject | undefined): Manifest {
  const { spec } = manifest;
  if (before === undefined || typeof spec !== 'object' || spec === null || !('replicas' in spec)) return manifest;
  return { ...manifest, spec: { ...spec, replicas: replicasToAsk(Number(spec.replicas), before) } };
}
