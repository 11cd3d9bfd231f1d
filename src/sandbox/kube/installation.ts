import { deploymentReason } from '../../install/deployment-state.ts';
import { installManifests } from '../../install/manifests.ts';
import { defaultInstallOptions } from '../../install/options.ts';
import { pollUntil } from '../../install/poll.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Clock } from '../../lib/clock.ts';
import { MeshError } from '../../lib/errors.ts';
import { isRecord } from '../../lib/is-record.ts';
import { objectIn, objectsIn, textIn } from '../../lib/json-fields.ts';
import { appName, injectorName, validatorName } from '../../model/cluster-names.ts';
import { poll } from '../poll.ts';
import type { Applied, ApplyObject } from './applied.ts';

export interface InstallationOptions {
  readonly namespace: string;
  readonly replicas: number;
  readonly meshYaml: string | undefined;
  /** Further flags of `serve`. */
  readonly flags: readonly string[];
}

/** What `coxswain install` applies, with this sandbox's number of replicas and flags. */
export function installation(options: InstallationOptions): readonly ApplyObject[] {
  const { namespace, replicas, meshYaml, flags } = options;
  return installManifests({ ...defaultInstallOptions, namespace, replicas, mesh: meshYaml }).map((manifest) => ({
    kind: manifest.kind,
    namespace: manifest.metadata.namespace ?? '',
    name: manifest.metadata.name,
    value: manifest.kind === 'Deployment' && flags.length > 0 ? withFlags(manifest, flags) : manifest,
  }));
}

function withFlags(
  deployment: Readonly<Record<string, unknown>>,
  flags: readonly string[],
): Readonly<Record<string, unknown>> {
  return edit(deployment, ['spec', 'template', 'spec', 'containers'], (containers) =>
    Array.isArray(containers)
      ? containers.map((each: unknown) =>
          isRecord(each) && Array.isArray(each['args']) ? { ...each, args: [...each['args'], ...flags] } : each,
        )
      : containers,
  );
}

function edit(
  value: Readonly<Record<string, unknown>>,
  [field = '', ...rest]: readonly string[],
  change: (inner: unknown) => unknown,
): Readonly<Record<string, unknown>> {
  const inner = value[field];
  return { ...value, [field]: rest.length === 0 ? change(inner) : isRecord(inner) ? edit(inner, rest, change) : inner };
}

/** Applies it, and waits until the control plane is ready and the API server can call its webhooks. */
export async function install(
  objects: readonly ApplyObject[],
  namespace: string,
  tools: {
    readonly client: KubeClient;
    readonly applied: Applied;
    readonly clock: Clock;
    readonly failed: () => string | undefined;
  },
): Promise<void> {
  const { client, applied, clock, failed } = tools;
  // New kinds take the API server seconds; the control plane starts meanwhile, and waits for those that it reads.
  const isKind = ({ kind }: ApplyObject): boolean => kind === 'CustomResourceDefinition';
  await Promise.all([applied.apply(objects.filter((each) => !isKind(each))), applied.apply(objects.filter(isKind))]);
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${appName}`;
  await pollUntil('the control plane to be ready', { clock, timeoutMs: 60_000, intervalMs: 50 }, async () => {
    const problem = failed();
    if (problem !== undefined) throw new MeshError('unavailable', problem);
    return deploymentReason(await client.get(path));
  });
  const webhooks = [
    `mutatingwebhookconfigurations/${injectorName}`,
    `validatingwebhookconfigurations/${validatorName}`,
  ];
  await poll(
    'the webhooks to know their CA',
    async () => {
      const found = await Promise.all(
        webhooks.map((each) => client.get(`/apis/admissionregistration.k8s.io/v1/${each}`)),
      );
      return found.every(hasBundles) ? true : undefined;
    },
    { clock, timeoutMs: 30_000, everyMs: 50 },
  );
}

function hasBundles(configuration: KubeObject): boolean {
  const webhooks = objectsIn(configuration, 'webhooks');
  return webhooks.length > 0 && webhooks.every((each) => textIn(objectIn(each, 'clientConfig'), 'caBundle') !== '');
}
