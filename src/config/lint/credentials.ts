import type { Finding } from '../../model/finding.ts';
import type { Gateway, GatewayServer } from '../../model/gateway.ts';
import { selectsAll } from '../../model/selector.ts';
import { credentialProblems } from '../../model/server-credentials.ts';
import { lintFinding, type World } from './world.ts';

/** Servers whose Secret is missing or can't be used, where it is read: in the namespaces of the gateway pods that are known (behaviour.md 5.5). */
export function lintCredentials(world: World): readonly Finding[] {
  return world.gateways.flatMap((gateway) => {
    // Everything is chosen: nobody knows which of it are gateways.
    if (selectsAll(gateway.selector)) return [];
    const namespaces = new Set(world.withLabels(gateway.selector).map(({ meta }) => meta.namespace));
    return gateway.servers.flatMap((server) =>
      [...namespaces].flatMap((namespace) => problemsOf(world, gateway, server, namespace)),
    );
  });
}

function problemsOf(
  world: World,
  gateway: Gateway,
  { tls, index }: GatewayServer,
  namespace: string,
): readonly Finding[] {
  if (tls === undefined || !('certificate' in tls)) return [];
  return credentialProblems(tls, { namespace, find: (name) => world.secretOf(namespace, name) }).map(
    ({ code, field, message, hint }) =>
      lintFinding(
        'warning',
        code,
        gateway,
        `spec.servers[${index}].tls.${field}`,
        `${message}: connections to this server are closed`,
        hint,
      ),
  );
}
