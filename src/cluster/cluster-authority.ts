import { type Authority, createAuthority } from '../ca/authority.ts';
import { parseAuthority } from '../ca/authority-material.ts';
import { selfSignedFiles } from '../ca/open-authority.ts';
import { Backoff, pause } from '../kube/backoff.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { TrustDomain } from '../model/ids.ts';
import { type CaSecret, createCaSecret, pluggedInSecret, readCaSecret, selfSignedSecret } from './ca-secret.ts';
import { LiveAuthority, sameRoots } from './live-authority.ts';

export interface ClusterAuthorityOptions {
  readonly client: KubeClient;
  /** The root namespace, where the Secrets are. */
  readonly namespace: string;
  readonly trustDomain: TrustDomain;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** How often `follow` looks at the Secrets, in ms; 30 s by default. */
  readonly followMs?: number;
}

/** The authority that all replicas of a cluster share. */
export interface ClusterAuthority {
  readonly authority: Authority;
  /** Name of its Secret. */
  readonly secret: string;
  /**
   * Keeps up with the Secret until `signal` aborts; never throws. A renewed signing certificate under the same roots is
   * taken over. Other roots are not: workloads that trust the old ones would be cut off. They wait for a restart, loudly.
   */
  follow(signal: AbortSignal): Promise<void>;
}

/**
 * Opens the mesh's authority from the cluster (behaviour.md section 6.4): the Secret `cacerts` if there is one, else
 * `istio-ca-secret`, which is made where it is missing. Whoever comes second takes what the first one made. A Secret that
 * is not whole is an error, never a reason for another root. Waits while the API server can't be reached, until `signal`.
 */
export async function openClusterAuthority(
  options: ClusterAuthorityOptions,
  signal?: AbortSignal,
): Promise<ClusterAuthority> {
  const backoff = new Backoff(options.random);
  for (;;) {
    try {
      const secret = await findSecret(options);
      const live = new LiveAuthority(authorityOf(secret, options));
      options.log.info({ secret: secret.place, authority: live.fingerprint }, 'the authority is open');
      return {
        authority: live,
        secret: secret.name,
        follow: (following) => new Follower(live, secret, options).run(following),
      };
    } catch (thrown) {
      const error = MeshError.from(thrown);
      if (error.code !== 'unavailable' || signal === undefined || signal.aborted) throw error;
      const retryInMs = Math.round(backoff.next());
      options.log.warn({ error: error.message, retryInMs }, 'the authority can not be read yet');
      await pause(options.clock, retryInMs, signal);
    }
  }
}

function authorityOf(secret: CaSecret, { trustDomain, clock }: ClusterAuthorityOptions): Authority {
  const material = parseAuthority(secret.files.reveal(), secret.place, clock.now());
  return createAuthority(material, { trustDomain, clock });
}

async function findSecret(options: ClusterAuthorityOptions): Promise<CaSecret> {
  const { client, namespace, log } = options;
  const found =
    (await readCaSecret(client, namespace, pluggedInSecret)) ??
    (await readCaSecret(client, namespace, selfSignedSecret));
  if (found !== undefined) return found;
  const made = await createCaSecret(client, namespace, selfSignedFiles(options));
  if (made !== undefined) {
    log.info({ secret: made.place }, 'made a root for this mesh');
    return made;
  }
  const winner = await readCaSecret(client, namespace, selfSignedSecret);
  if (winner !== undefined) return winner;
  throw new MeshError('unavailable', `Secret ${namespace}/${selfSignedSecret} was made and deleted again by others`);
}

class Follower {
  readonly #live: LiveAuthority;
  readonly #options: ClusterAuthorityOptions;
  readonly #first: CaSecret;
  #seen: string;
  /** What was last said; said once. */
  #problem = '';

  constructor(live: LiveAuthority, first: CaSecret, options: ClusterAuthorityOptions) {
    this.#live = live;
    this.#first = first;
    this.#seen = first.resourceVersion;
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, followMs = 30_000 } = this.#options;
    for (;;) {
      await pause(clock, followMs, signal);
      if (signal.aborted) return;
      try {
        await this.#look();
      } catch (thrown) {
        const { code, message } = MeshError.from(thrown);
        if (code !== 'unavailable') this.#say(message, 'the Secret of the authority has changed and can not be used');
      }
    }
  }

  async #look(): Promise<void> {
    const { client, namespace } = this.#options;
    const { name, place } = this.#first;
    if (name !== pluggedInSecret && (await readCaSecret(client, namespace, pluggedInSecret)) !== undefined) {
      this.#say(
        `${namespace}/${pluggedInSecret}`,
        'another authority was plugged in: it is taken over by a restart only',
      );
      return;
    }
    const secret = await readCaSecret(client, namespace, name);
    if (secret === undefined) {
      this.#say(place, 'the Secret of the authority is gone: put it back, or a restart will make or find another root');
      return;
    }
    if (secret.resourceVersion === this.#seen) {
      this.#problem = '';
      return;
    }
    this.#take(secret);
  }

  #take(secret: CaSecret): void {
    const next = authorityOf(secret, this.#options);
    if (!sameRoots(next, this.#live)) {
      this.#say(
        `${secret.place} ${secret.resourceVersion}`,
        'the Secret of the authority has other roots: they are taken over by a restart only, which cuts off workloads that trust the old ones alone',
      );
      return;
    }
    this.#seen = secret.resourceVersion;
    this.#problem = '';
    const renewed = next.fingerprint !== this.#live.fingerprint;
    this.#live.replace(next);
    if (!renewed) return;
    this.#options.log.info({ secret: secret.place, authority: next.fingerprint }, 'signing with a renewed certificate');
  }

  #say(what: string, message: string): void {
    const problem = `${message} ${what}`;
    if (problem !== this.#problem) this.#options.log.error({ what }, message);
    this.#problem = problem;
  }
}
