import type { Finding } from '../../model/finding.ts';
import type { MtlsMode, MtlsSetting, PeerAuthentication } from '../../model/peer-authentication.ts';
import { selectsAll } from '../../model/selector.ts';
import { lintFinding, type World } from './world.ts';

/** PeerAuthentications that have no effect, or whose effect surprises (behaviour.md 1.1). */
export function lintMtls(world: World): readonly Finding[] {
  return [...shadowed(world), ...strictBehindDisable(world)];
}

function shadowed({ peerAuthentications, mesh, selected }: World): readonly Finding[] {
  const found: Finding[] = [];
  const wide = new Map<string, PeerAuthentication>();
  const winners = new Map<string, PeerAuthentication>();
  for (const policy of peerAuthentications) {
    const { namespace } = policy.meta;
    if (selectsAll(policy.selector)) {
      const winner = wide.get(namespace);
      if (winner === undefined) wide.set(namespace, policy);
      else {
        const message = `this policy is ignored: ${winner.meta.name} already holds for all of namespace ${namespace}, and the oldest wins`;
        found.push(
          lintFinding('warning', 'policy-ignored', policy, 'spec', message, 'merge the two, or add a selector'),
        );
      }
    } else if (namespace === mesh.rootNamespace) {
      const message = `a PeerAuthentication with a selector has no effect in the root namespace ${namespace}`;
      found.push(
        lintFinding(
          'warning',
          'policy-ignored',
          policy,
          'spec.selector',
          message,
          'move it to the namespace of its workloads, or remove the selector',
        ),
      );
    } else {
      const workloads = selected(policy).map((workload) => `${workload.meta.namespace}/${workload.meta.name}`);
      const older = new Set(workloads.flatMap((name) => winners.get(name)?.meta.name ?? []));
      if (older.size > 0) {
        const message = `some workloads of this policy are already selected by ${[...older].join(', ')}: the oldest wins, the two are not merged`;
        found.push(
          lintFinding(
            'warning',
            'policies-overlap',
            policy,
            'spec.selector',
            message,
            'let each workload be selected by one PeerAuthentication',
          ),
        );
      }
      for (const name of workloads) if (!winners.has(name)) winners.set(name, policy);
    }
  }
  return found;
}

/**
 * Clients infer from namespace and mesh policy alone whether a service takes mTLS (behaviour.md 1.1, 4.4): behind a
 * DISABLE there they send plaintext, which a STRICT workload resets.
 */
function strictBehindDisable({ peerAuthentications, mesh }: World): readonly Finding[] {
  const modeOf = (namespace: string): MtlsSetting =>
    peerAuthentications.find((policy) => policy.meta.namespace === namespace && selectsAll(policy.selector))?.mtls ??
    'UNSET';
  return peerAuthentications.flatMap((policy) => {
    const { namespace } = policy.meta;
    if (selectsAll(policy.selector) || namespace === mesh.rootNamespace) return [];
    const inherited = first(modeOf(namespace), modeOf(mesh.rootNamespace), 'PERMISSIVE');
    if (inherited !== 'DISABLE') return [];
    const strictPorts = [...policy.portLevelMtls].filter(([, mode]) => mode === 'STRICT').map(([port]) => port);
    if (policy.mtls !== 'STRICT' && strictPorts.length === 0) return [];
    const what = policy.mtls === 'STRICT' ? 'STRICT' : `STRICT on port ${strictPorts.join(', ')}`;
    const message = `${what} behind a DISABLE for namespace ${namespace}: sidecars send plaintext there, and it is refused`;
    return [
      lintFinding(
        'warning',
        'strict-behind-disable',
        policy,
        'spec',
        message,
        'set the namespace to PERMISSIVE, and DISABLE only the workloads that need it',
      ),
    ];
  });
}

function first(...settings: readonly [...MtlsSetting[], MtlsMode]): MtlsSetting {
  return settings.find((setting) => setting !== 'UNSET') ?? 'PERMISSIVE';
}
