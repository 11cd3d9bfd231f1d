import { servingNames } from '../ca/serving.ts';
import { openClusterAuthority } from '../cluster/cluster-authority.ts';
import { createTokenReviewer } from '../cluster/token-reviewer.ts';
import { followMesh, type MeshSettings } from '../config/kubernetes/mesh-config-map.ts';
import { kubernetesSource } from '../config/kubernetes/source.ts';
import { openKube } from '../kube/client.ts';
import { MeshError } from '../lib/errors.ts';
import type { Surroundings } from '../lib/surroundings.ts';
import type { TrustDomain } from '../model/ids.ts';
import { defaultMesh } from '../model/mesh.ts';
import { type KubernetesPlatform, type Settings, withTrustDomain } from '../settings.ts';
import type { Ground, MeshState } from './ground.ts';
import { startClusterDuties } from './kubernetes-duties.ts';
import { acceptMesh, watchMesh } from './mesh-reload.ts';

/** Endpoints of a replica that ends are taken out of the Service meanwhile, on every node. */
const leaveMs = 3_000;
/** Within the grace period of the Deployment, 30 s, with room for what comes after. */
const drainMs = 15_000;

/**
 * A Kubernetes API: the CA's key is in a Secret that all replicas share, mesh settings in a ConfigMap, and the API server
 * says whom a token proves. Replicas share nothing else.
 */
export async function openKubernetesGround(
  platform: KubernetesPlatform,
  settings: Settings,
  surroundings: Surroundings,
): Promise<Ground> {
  const { namespace } = platform;
  const { clock, log } = surroundings;
  await using stack = new AsyncDisposableStack();
  const client = stack.use(await openKube(platform));
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  const cluster = 'Kubernetes';
  const follow = followMesh({ client, namespace, cluster, ...surroundings }, stop.signal);
  const initial: MeshState =
    settings.meshFile === undefined
      ? firstOf(await follow.next(), settings.mesh.trustDomain)
      : { mesh: settings.mesh, findings: settings.meshFindings };
  const { trustDomain } = initial.mesh;
  const opened = await openClusterAuthority({ client, namespace, trustDomain, ...surroundings }, stop.signal);
  void opened.follow(stop.signal);
  const reviewer = createTokenReviewer({ client, trustDomain, clock, log });
  const source = stack.use(kubernetesSource({ client, cluster, ...surroundings }));

  const parts = stack.move();
  return {
    name: client.server,
    source,
    authority: opened.authority,
    joinKeys: undefined,
    reviewToken: (token) => reviewer.review(token),
    initial,
    servingNames: servingNames(namespace),
    missing: () => source.pending.join(', '),
    firstSyncMs: Number.POSITIVE_INFINITY,
    leaveMs,
    drainMs,
    followMesh(current, changed) {
      if (settings.meshFile !== undefined) {
        const take = (mesh: MeshState['mesh'], findings: MeshState['findings']): void => changed({ mesh, findings });
        return watchMesh({ file: settings.meshFile, current, changed: take, log });
      }
      const end = new AbortController();
      const read = async (): Promise<void> => {
        for await (const next of follow) {
          if (end.signal.aborted) return;
          if (next.kind === 'broken') continue;
          const mesh = acceptMesh(next.mesh, current(), log) ?? current();
          changed({ mesh, findings: next.findings });
        }
      };
      read().catch((thrown: unknown) =>
        log.error({ error: MeshError.from(thrown).message }, 'mesh settings are no longer followed'),
      );
      return { [Symbol.dispose]: () => end.abort() };
    },
    start: (running) => startClusterDuties({ client, platform, authority: opened.authority, running, surroundings }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function firstOf({ done, value }: IteratorResult<MeshSettings, void>, fromFlag: TrustDomain): MeshState {
  if (done === true) throw new MeshError('unavailable', 'stopped before the mesh settings were read');
  if (value.kind === 'usable') {
    const flag = fromFlag === defaultMesh.trustDomain ? undefined : fromFlag;
    return { mesh: withTrustDomain(value.mesh, flag), findings: value.findings };
  }
  const lines = value.findings.map(
    ({ object, field, message, hint }) =>
      `${object}${field === '' ? '' : `: ${field}`}: ${message}${hint === '' ? '' : ` (${hint})`}`,
  );
  throw new MeshError('bad-argument', `the mesh settings can't be used:\n  ${lines.join('\n  ')}`);
}
