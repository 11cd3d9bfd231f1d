import type { Destination } from '../model/http-route.ts';
import type { HashKey, Tunnel } from '../model/traffic-policy.ts';
import type { RouteTargets } from './envoy/http-routes.ts';

/**
 * All that was asked while routes were made. They stay what they are while the answers do, whatever else became of services and rules:
 * nothing has to say which of those a route reads. Holds nothing of the state that was asked, which would live as long as the routes do.
 */
export class Answers {
  readonly port: number;
  readonly #clusters = new Map<Destination, string>();
  readonly #hashes = new Map<Destination, HashKey | undefined>();
  readonly #tunnels = new Map<Destination, Tunnel | undefined>();

  constructor(port: number) {
    this.port = port;
  }

  /** The same targets; what they answer is kept. */
  noting({ port, clusterOf, hashOf, tunnelOf }: RouteTargets): RouteTargets {
    return {
      port,
      clusterOf: (to) => kept(this.#clusters, to, clusterOf(to)),
      hashOf: (to) => kept(this.#hashes, to, hashOf(to)),
      tunnelOf: (to) => kept(this.#tunnels, to, tunnelOf(to)),
    };
  }

  /** Would these targets say the same? */
  agreeWith({ port, clusterOf, hashOf, tunnelOf }: RouteTargets): boolean {
    return (
      port === this.port &&
      [...this.#clusters].every(([to, cluster]) => clusterOf(to) === cluster) &&
      [...this.#hashes].every(([to, key]) => JSON.stringify(hashOf(to)) === JSON.stringify(key)) &&
      [...this.#tunnels].every(([to, tunnel]) => tunnelOf(to)?.target === tunnel?.target)
    );
  }
}

function kept<T>(known: Map<Destination, T>, to: Destination, answer: T): T {
  known.set(to, answer);
  return answer;
}
