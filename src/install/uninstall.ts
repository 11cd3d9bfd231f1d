import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../lib/clock.ts';
import { objectsIn } from '../lib/json-fields.ts';
import { ownCaSecretName, pluggedCaSecretName } from '../model/cluster-names.ts';
import { isOurs } from './labels.ts';
import { leftovers, withdrawStatus } from './leftovers.ts';
import { find } from './lookup.ts';
import type { ManifestName } from './manifest.ts';
import { pathOf } from './manifest.ts';
import { installManifests } from './manifests.ts';
import { defaultInstallOptions } from './options.ts';
import { pollUntil } from './poll.ts';
import type { Step } from './step.ts';

export interface UninstallOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly namespace: string;
  /** Delete; else only say what would be deleted. */
  readonly apply: boolean;
  /** Also what can't be made again: kinds with all policies, CA, mesh settings, namespace. */
  readonly purge: boolean;
  readonly timeoutMs: number;
}

/** Why an object stays although it belongs to the installation, unless it is purged. */
const keptReasons: Readonly<Record<string, string>> = {
  CustomResourceDefinition: 'all objects of the kind would go with it (--purge deletes it)',
  Secret: 'without it all identities of the mesh begin anew (--purge deletes it)',
  ConfigMap: 'it holds the mesh settings (--purge deletes it)',
  Namespace: 'everything in it would go, too (--purge deletes it)',
};

/**
 * Takes an installation away: webhooks first, so that nothing is refused half-way; then a gateway, the control plane and its rights;
 * then what it wrote, which nobody writes again by then. Never deletes what isn't ours: CustomResourceDefinitions of
 * others, a CA that an operator plugged in. Throws `unavailable` if the control plane doesn't end in time.
 */
export async function* uninstall(options: UninstallOptions): AsyncGenerator<Step> {
  const { client, namespace, signal } = options;
  const manifests = installManifests({ ...defaultInstallOptions, namespace, mesh: '', ingressGateway: true });
  const passing = manifests.filter(({ kind }) => keptReasons[kind] === undefined);
  const isWebhook = ({ kind }: ManifestName): boolean => kind.endsWith('WebhookConfiguration');
  const inOrder = passing.toReversed().sort((a, b) => Number(isWebhook(b)) - Number(isWebhook(a)));
  for (const manifest of inOrder) yield* removeOurs(manifest, options);
  if (options.apply) await awaitPodsGone(options);
  for (const object of await leftovers(client, namespace, signal)) yield* remove(object, options);
  const caSecret = secret(namespace, ownCaSecretName);
  const lasting = (kind: string): readonly ManifestName[] => manifests.filter((manifest) => manifest.kind === kind);
  // The namespace goes last, with all that is left in it.
  const all = [...lasting('ConfigMap'), ...lasting('CustomResourceDefinition'), caSecret, ...lasting('Namespace')];
  if (options.purge) {
    for (const object of all) yield* removeOurs(object, options);
    return;
  }
  if (options.apply) {
    const count = await withdrawStatus(client, signal);
    if (count > 0)
      yield { kind: 'note', text: `took the conditions off ${count} ${count === 1 ? 'object' : 'objects'}` };
  }
  for (const object of [...all, secret(namespace, pluggedCaSecretName)]) yield* keep(object, client);
}

async function* removeOurs(object: ManifestName, options: UninstallOptions): AsyncGenerator<Step> {
  const there = await find(options.client, object);
  if (there === undefined) return;
  if (isOurs(there.metadata.labels)) yield* remove(object, options);
  else yield { kind: 'left-alone', object, reason: 'it is not ours' };
}

async function* remove(object: ManifestName, options: UninstallOptions): AsyncGenerator<Step> {
  options.signal.throwIfAborted();
  if (!options.apply) yield { kind: 'would-delete', object };
  else if (await options.client.remove(pathOf(object))) yield { kind: 'deleted', object, dryRun: false };
}

async function* keep(object: ManifestName, client: KubeClient): AsyncGenerator<Step> {
  const there = await find(client, object);
  if (there === undefined) return;
  if (!isOurs(there.metadata.labels)) yield { kind: 'left-alone', object, reason: 'it is not ours' };
  else yield { kind: 'kept', object, reason: keptReasons[object.kind] ?? 'it may be of use' };
}

/** A control plane that still runs would write again what is cleared away. */
async function awaitPodsGone({ client, clock, signal, namespace, timeoutMs }: UninstallOptions): Promise<void> {
  await pollUntil('the control plane', { clock, signal, timeoutMs, intervalMs: 500 }, async () => {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const answer = await client.request('GET', path, { query: { labelSelector: 'app=coxswain' }, signal });
    const pods = objectsIn({ answer: [answer] }, 'answer').flatMap((list) => objectsIn(list, 'items'));
    return pods.length === 0 ? undefined : `${pods.length} of its pods are still running`;
  });
}

function secret(namespace: string, name: string): ManifestName {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace } };
}
