import type { Finding } from '../../model/finding.ts';
import {
  type ConnectionMatch,
  type HttpMatch,
  meshGateway,
  type RouteAudience,
  type VirtualService,
} from '../../model/virtual-service.ts';
import { lintFinding, type World } from './world.ts';

/** Matches that hold for less than they say: for nobody, or not on every proxy to which their routes go (behaviour.md 5.7). */
export function lintRouteAudience({ virtualServices }: World): readonly Finding[] {
  // Who refers to a delegate says on which gateways it is.
  const whole = virtualServices.filter(({ hosts }) => hosts.length > 0);
  return whole.flatMap((service) => [
    ...each(service, 'http', httpMatch),
    ...each(service, 'tls', connectionMatch),
    ...each(service, 'tcp', connectionMatch),
  ]);
}

type Kind = 'http' | 'tls' | 'tcp';
/** The message and the hint of one finding of a match, or nothing; `on`: the gateways where it is. */
type Check<K extends Kind> = (
  match: VirtualService[K][number]['matches'][number],
  on: readonly string[],
) => readonly [code: string, message: string, hint: string] | undefined;

function each<K extends Kind>(service: VirtualService, kind: K, check: Check<K>): readonly Finding[] {
  return service[kind].flatMap(({ matches }, route) =>
    matches.flatMap((match, index) => {
      const field = `spec.${kind}[${route}].match[${index}]`;
      const on = match.gateways.length > 0 ? match.gateways : service.gateways;
      const said = check(match, on);
      return [
        ...unlisted(service, match, field),
        ...(said === undefined ? [] : [lintFinding('warning', said[0], service, field, said[1], said[2])]),
      ];
    }),
  );
}

function unlisted(service: VirtualService, { gateways }: RouteAudience, field: string): readonly Finding[] {
  const stranger = gateways.find((name) => !service.gateways.includes(name));
  if (stranger === undefined) return [];
  const message = `${stranger} is not among spec.gateways: by it this never matches`;
  return [lintFinding('warning', 'gateway-not-listed', service, `${field}.gateways`, message, 'add it there')];
}

function httpMatch({ request: { claims, withoutClaims } }: HttpMatch, on: readonly string[]) {
  if (claims.length + withoutClaims.length === 0 || !on.includes(meshGateway)) return undefined;
  const message = 'sidecars know no token of a request that goes out: for them it has no claims';
  return ['claims-on-sidecars', message, 'match claims on gateways alone'] as const;
}

function connectionMatch({ destinationSubnets }: ConnectionMatch, on: readonly string[]) {
  if (destinationSubnets.length === 0 || on.every((name) => name === meshGateway)) return undefined;
  const message = 'gateways do not look at the destination address: this match does not hold on them';
  return ['not-supported', message, 'match by port, or by sniHosts'] as const;
}
