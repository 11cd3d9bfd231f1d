import { type Authority, createAuthority } from '../ca/authority.ts';
import { parseAuthority } from '../ca/authority-material.ts';
import { selfSignedFiles } from '../ca/open-authority.ts';
import { Backoff } from '../kube/backoff.ts';
import type { KubeClient } from '../kube/client.ts';
import { MeshError } from '../lib/errors.ts';
import { pauseQuietly } from '../lib/pause.ts';
import type { Surroundings } from '../lib/surroundings.ts';
import { ownCaSecretName, pluggedCaSecretName } from '../model/cluster-names.ts';
import type { TrustDomain } from '../model/ids.ts';
import { type CaSecret, createCaSecret, readCaSecret } from './ca-secret.ts';
import { LiveAuthority, sameRoots } from './live-authority.ts';

export interface ClusterAuthorityOptions extends Surroundings {
  readonly client: KubeClient;
  /** The root namespace, where the Secrets are. */
  readonly namespace: string;
  readonly trustDomain: TrustDomain;
  /** How often `follow` looks at the Secrets, in ms; 10 s by default. */
  readonly followMs?: number;
}

/** The authority that all replicas of a cluster share. */
export interface ClusterAuthority {
  readonly authority: Authority;
  /** Name of its Secret. */
  readonly secret: string;
  /**
   * Keeps up with the Secret until `signal` aborts; never throws. A renewed signing certificate under the same roots is
   * taken over. Other roots are not: workloads that trust the old ones would be cut off. They wait for a restart, loudly. A
   * root that was made here, and whose Secret is deleted, is put back.
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
      await pauseQuietly(options.clock, retryInMs, signal);
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
    (await readCaSecret(client, namespace, pluggedCaSecretName)) ??
    (await readCaSecret(client, namespace, ownCaSecretName));
  if (found !== undefined) return found;
  const made = await createCaSecret(client, namespace, selfSignedFiles(options));
  if (made !== undefined) {
    log.info({ secret: made.place }, 'made a root for this mesh');
    return made;
  }
  const winner = await readCaSecret(client, namespace, ownCaSecretName);
  if (winner !== undefined) return winner;
  throw new MeshError('unavailable', `Secret ${namespace}/${ownCaSecretName} was made and deleted again by others`);
}

class Follower {
  readonly #live: LiveAuthority;
  readonly #options: ClusterAuthorityOptions;
  /** What was taken last. */
  #held: CaSecret;
  /** What was last said; said once. */
  #problem = '';

  constructor(live: LiveAuthority, first: CaSecret, options: ClusterAuthorityOptions) {
    this.#live = live;
    this.#held = first;
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, followMs = 10_000 } = this.#options;
    for (;;) {
      await pauseQuietly(clock, followMs, signal);
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
    const { name } = this.#held;
    if (name !== pluggedCaSecretName && (await readCaSecret(client, namespace, pluggedCaSecretName)) !== undefined) {
      this.#say(
        `${namespace}/${pluggedCaSecretName}`,
        'another authority was plugged in: it is taken over by a restart only',
      );
      return;
    }
    const secret = await readCaSecret(client, namespace, name);
    if (secret === undefined) {
      await this.#putBack();
      return;
    }
    if (secret.resourceVersion === this.#held.resourceVersion) {
      this.#problem = '';
      return;
    }
    this.#take(secret);
  }

  /** A replica that starts without the Secret would make another root, and split the mesh. */
  async #putBack(): Promise<void> {
    const { client, namespace, log } = this.#options;
    const { name, place, files } = this.#held;
    if (name === pluggedCaSecretName) {
      this.#say(place, 'the Secret of the authority is gone: put it back, or a restart will make another root');
      return;
    }
    const made = await createCaSecret(client, namespace, files.reveal());
    if (made === undefined) return;
    this.#held = made;
    log.warn({ secret: place }, 'the Secret of the authority was gone, and is put back');
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
    this.#held = secret;
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
