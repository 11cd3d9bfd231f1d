import type { AuthorizationPolicy } from '../../model/authorization-policy.ts';
import type { ExtensionProvider } from '../../model/extension-provider.ts';
import { byAge, compareText } from '../../model/object.ts';
import { resolveProvider } from '../../model/provider-service.ts';
import { all, type Snapshot } from '../../snapshot/snapshot.ts';

/** An external authorizer of a workload, and the policies that send requests to it. */
export interface CustomProvider {
  readonly provider: ExtensionProvider;
  readonly policies: readonly AuthorizationPolicy[];
}

/** What CUSTOM policies come to for one workload. */
export interface EffectiveCustom {
  /** Names of all external authorizers of the mesh, whoever asks them: no edit of a policy changes for whom there is a place. */
  readonly authorizers: readonly string[];
  /** By name: that is the order in which they are asked. */
  readonly asked: readonly CustomProvider[];
  /** Policies whose provider can't be asked: what they match is denied (behaviour.md pitfall 55). */
  readonly refused: readonly AuthorizationPolicy[];
}

/** Sorts the CUSTOM policies of a workload by their providers. Each provider has its own place, so there may be several. */
export function effectiveCustom(
  policies: readonly AuthorizationPolicy[],
  { mesh, services, serviceEntries }: Pick<Snapshot, 'mesh' | 'services' | 'serviceEntries'>,
): EffectiveCustom {
  const asked: CustomProvider[] = [];
  const refused: AuthorizationPolicy[] = [];
  const byName = [...Map.groupBy(policies, ({ provider }) => provider)].sort(([a], [b]) => compareText(a, b));
  for (const [name, those] of byName) {
    const resolved = resolveProvider(name, mesh, {
      service: (namespace, service) => services.get(namespace)?.get(service),
      entry: (host) => [...all(serviceEntries)].filter(({ hosts }) => hosts.includes(host)).sort(byAge)[0],
    });
    if (resolved.kind === 'usable') asked.push({ provider: resolved.provider, policies: those });
    else refused.push(...those);
  }
  return { authorizers: mesh.extensionProviders.map(({ name }) => name).sort(compareText), asked, refused };
}
