import type { KubeClient } from '../../kube/client.ts';
import type { Clock } from '../../lib/clock.ts';
import { MeshError } from '../../lib/errors.ts';
import { isRecord } from '../../lib/is-record.ts';
import { namespaceOf, type Pod, type TokenSource } from './pod.ts';

interface Held {
  readonly token: string;
  readonly renewal: Disposable;
}

/** What the kubelet asks for where nothing is said. */
const defaultSeconds = 3_600;
const retryMs = 1_000;

/**
 * Service account tokens of one pod, bound to it, so that they end with it (authentication/v1 TokenRequest). Each is
 * replaced when `lifeShare` of its life is over.
 */
export class PodTokens implements Disposable {
  readonly #pod: Pod;
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #lifeShare: number;
  readonly #renewed: () => void;
  readonly #held = new Map<string, Held>();
  #ended = false;

  /** `renewed` is called each time that a token took another's place. */
  constructor(pod: Pod, client: KubeClient, clock: Clock, lifeShare: number, renewed: () => void) {
    this.#pod = pod;
    this.#client = client;
    this.#clock = clock;
    this.#lifeShare = lifeShare;
    this.#renewed = renewed;
  }

  /** The token that was got for this source. */
  get(source: TokenSource): string | undefined {
    return this.#held.get(keyOf(source))?.token;
  }

  /** Gets those that are not there yet. */
  async fetch(sources: readonly TokenSource[]): Promise<void> {
    await Promise.all(sources.map((each) => (this.#held.has(keyOf(each)) ? undefined : this.#request(each))));
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    for (const { renewal } of this.#held.values()) renewal[Symbol.dispose]();
  }

  async #request(source: TokenSource): Promise<void> {
    const { metadata, spec } = this.#pod;
    const account = spec.serviceAccountName ?? 'default';
    const seconds = source.expirationSeconds ?? defaultSeconds;
    const answer = await this.#client.request(
      'POST',
      `/api/v1/namespaces/${namespaceOf(this.#pod)}/serviceaccounts/${account}/token`,
      {
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: {
            ...(source.audience === undefined || source.audience === '' ? {} : { audiences: [source.audience] }),
            expirationSeconds: seconds,
            boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: metadata.name, uid: metadata.uid },
          },
        },
      },
    );
    const status = isRecord(answer) ? answer['status'] : undefined;
    const token = isRecord(status) ? status['token'] : undefined;
    const expires = isRecord(status) ? Date.parse(String(status['expirationTimestamp'])) : Number.NaN;
    if (typeof token !== 'string') throw new MeshError('unavailable', `no token for service account ${account}`);
    if (this.#ended) return;
    const lifeMs = Number.isNaN(expires) ? seconds * 1_000 : Math.min(expires - this.#clock.now(), seconds * 1_000);
    const renewal = this.#clock.after(Math.max(lifeMs * this.#lifeShare, retryMs), () => void this.#renew(source));
    this.#held.set(keyOf(source), { token, renewal });
  }

  async #renew(source: TokenSource): Promise<void> {
    try {
      await this.#request(source);
    } catch {
      // The old one is good for a while yet.
      const old = this.#held.get(keyOf(source));
      if (this.#ended || old === undefined) return;
      const renewal = this.#clock.after(retryMs, () => void this.#renew(source));
      this.#held.set(keyOf(source), { token: old.token, renewal });
      return;
    }
    if (!this.#ended) this.#renewed();
  }
}

function keyOf({ audience = '', expirationSeconds = defaultSeconds, path }: TokenSource): string {
  return `${path} ${audience} ${expirationSeconds}`;
}
