import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { WorkloadIdentity } from '../model/ids.ts';
import { type Proxy, proxyName } from '../model/proxy.ts';
import type { Layer } from '../model/resource.ts';
import type { Peer } from '../xds/provider.ts';
import { type Authority, newSerial } from './authority.ts';
import { type Random, renewalTime, startRenewal } from './renewal.ts';
import { buildWorkloadSecret, LazyResource, remaining, rootSecret, workloadSecretName } from './secret-resource.ts';
import { createVersionSeal, type SecretGeneration } from './secret-version.ts';
import { checkTtl, defaultTtlMs, leafEnd } from './template.ts';

export interface SecretOptions {
  readonly authority: Authority;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Hears of each certificate that is made: for metrics. */
  readonly issued?: () => void;
  /** Life of a workload certificate; {@link defaultTtlMs} without it. */
  readonly ttlMs?: number;
}

/** The secrets of connected proxies: SDS over ADS, for stock Envoy without an agent beside it. */
export interface SecretProvider {
  /**
   * Starts to keep a proxy in certificates. `changed` is called when its layers are other objects than before. `held` is
   * the version of `default` that it says it holds (`initial_resource_versions`), where that is known by now.
   */
  attach(proxy: Proxy, peer: Peer, changed: () => void, held?: string): SecretAttachment;
}

export interface SecretAttachment extends Disposable {
  /** `default` and `ROOTCA`; nothing for a peer that proved nothing. */
  layers(): readonly Layer[];
  /**
   * Lets a proxy keep the certificate that it says it holds, if we made it for this identity and it isn't due for renewal.
   * Call it before `layers`, for a version that comes after `attach`; true where it was taken. No effect once the
   * bytes of another certificate were read.
   */
  adopt(held: string): boolean;
}

const nothing: SecretAttachment = { layers: () => [], adopt: () => false, [Symbol.dispose]: () => undefined };

/** Makes the provider. Keys are made here, one for each certificate, and never reused. */
export function createSecretProvider(options: SecretOptions): SecretProvider {
  checkTtl(options.ttlMs ?? defaultTtlMs);
  const root = rootSecret(options.authority);
  const roots: Layer = { key: 'secrets/roots', resources: new Map([[root.name, root]]) };
  const issue = issuer(options);
  return {
    attach(proxy, peer, changed, held) {
      if (peer.kind === 'insecure') return nothing;
      // The identity is the proven one; an alias of the trust domain gets a certificate of the domain itself.
      const identity: WorkloadIdentity = { ...peer.identity, trustDomain: options.authority.trustDomain };
      return keep(proxy, identity, roots, issue, changed, held, options);
    },
  };
}

interface WorkloadSecret {
  readonly resource: LazyResource;
  readonly renewAt: number;
}

interface Issuer {
  /** A certificate to come: its bytes are made when they are read. Throws where none can be made. */
  fresh(identity: WorkloadIdentity): WorkloadSecret;
  /** The one that the client holds already. */
  held(version: string, identity: WorkloadIdentity): WorkloadSecret | undefined;
}

function issuer({ authority, clock, random, issued, ttlMs = defaultTtlMs }: SecretOptions): Issuer {
  const seal = createVersionSeal(authority);
  const secret = (
    generation: SecretGeneration,
    version: string,
    identity: WorkloadIdentity,
    serial?: Uint8Array,
  ): WorkloadSecret => ({
    resource: new LazyResource(workloadSecretName, version, () => {
      issued?.();
      return buildWorkloadSecret(authority, identity, remaining(generation, clock.now()), serial);
    }),
    renewAt: generation.renewAt,
  });
  return {
    fresh(identity) {
      const now = clock.now();
      const notAfter = leafEnd(now, ttlMs, authority.notAfter);
      const renewAt = Math.floor(renewalTime(now, notAfter, random) / 1000) * 1000;
      const generation = { serial: newSerial(), notAfter, renewAt };
      return secret(generation, seal.seal(generation, identity), identity, generation.serial);
    },
    held(version, identity) {
      const generation = seal.open(version, identity);
      if (generation === undefined || generation.renewAt <= clock.now()) return undefined;
      // Where its bytes are asked for after all they are another certificate, so the serial must be another one too.
      return secret(generation, version, identity);
    },
  };
}

function keep(
  proxy: Proxy,
  identity: WorkloadIdentity,
  roots: Layer,
  issue: Issuer,
  changed: () => void,
  held: string | undefined,
  { clock, random, log }: SecretOptions,
): SecretAttachment {
  const key = `secrets/${proxy.id}`;
  let current: WorkloadSecret | undefined;
  let layers: readonly Layer[] = [roots];
  let renewal: Disposable;

  const use = (secret: WorkloadSecret): number => {
    current = secret;
    layers = [roots, { key, resources: new Map([[secret.resource.name, secret.resource]]) }];
    return secret.renewAt;
  };
  const failed = (error: MeshError, retryInMs: number): void =>
    log.warn(
      { proxy: proxyName(proxy), error: error.message, retryInMs },
      'no new workload certificate; the old one stays in use',
    );
  const renew = (): number => {
    const next = issue.fresh(identity);
    void next.resource.body; // made now, so that a failure is one of the renewal and leaves the old one in place
    const at = use(next);
    changed();
    return at;
  };
  const start = (): Disposable => startRenewal(current?.renewAt ?? clock.now(), { clock, random, renew, failed });

  try {
    use((held === undefined ? undefined : issue.held(held, identity)) ?? issue.fresh(identity));
  } catch (thrown) {
    // The renewal that starts now tries again at once and then less and less often, and logs it.
    current = undefined;
    if (!(thrown instanceof MeshError)) throw thrown;
  }
  renewal = start();
  return {
    layers: () => layers,
    adopt(version) {
      if (current?.resource.version === version) return true;
      if (current?.resource.built === true) return false;
      const secret = issue.held(version, identity);
      if (secret === undefined) return false;
      renewal[Symbol.dispose]();
      use(secret);
      renewal = start();
      return true;
    },
    [Symbol.dispose]: () => renewal[Symbol.dispose](),
  };
}
