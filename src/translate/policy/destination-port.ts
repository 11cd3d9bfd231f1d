import type { Destination } from '../../model/http-route.ts';

/**
 * The service port that a route means: the one it names, else the only one that the service has, else the one that the client asked for
 * (behaviour.md 5.7). `ports`: those of the service; undefined where it isn't known.
 */
export function destinationPort(destination: Destination, ports: readonly number[] | undefined, asked: number): number {
  const [only, ...others] = ports ?? [];
  return destination.port ?? (only !== undefined && others.length === 0 ? only : asked);
}
