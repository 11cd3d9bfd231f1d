import type { SecureContextOptions } from 'node:tls';
import type { Clock } from '../lib/clock.ts';
import type { MeshError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { Redacted } from '../lib/redacted.ts';
import { controlPlaneHost } from '../model/cluster-names.ts';
import type { Authority } from './authority.ts';
import { generateKeyPair } from './key-pair.ts';
import { type Random, renewalTime, startRenewal } from './renewal.ts';
import { defaultTtlMs } from './template.ts';

/** Names that clients may call the control plane by: the second is what a bootstrap of ours checks. */
export function servingNames(rootNamespace: string): readonly string[] {
  return ['localhost', controlPlaneHost(rootNamespace), `istiod.${rootNamespace}.svc`];
}

export interface ServingOptions {
  readonly authority: Authority;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly ttlMs?: number;
}

/** The certificate that the TLS port shows, and the roots that it verifies clients with. */
export interface ServingCertificate extends Disposable {
  /** Key, chain and client roots for node:tls, now. */
  readonly context: Redacted<SecureContextOptions>;
  /** When it ends, ms since the epoch. */
  readonly notAfter: number;
}

/**
 * Issues the serving certificate, and a new one before half of its life is over; `rotate` gets each new one. It lives in
 * memory alone: a restart issues another one, and clients check the name and the root, which stay.
 */
export function openServingCertificate(
  options: ServingOptions,
  rotate: (context: Redacted<SecureContextOptions>) => void,
): ServingCertificate {
  const { clock, random, log } = options;
  let current = issue(options);
  const renewal = startRenewal(current.renewAt, {
    clock,
    random,
    renew() {
      const next = issue(options);
      // First, so that whoever hears of it and looks here finds the new one.
      current = next;
      rotate(next.context);
      return next.renewAt;
    },
    failed: (error: MeshError, retryInMs) =>
      log.error({ error: error.message, retryInMs }, 'no new serving certificate; the old one stays in use'),
  });
  return {
    get context() {
      return current.context;
    },
    get notAfter() {
      return current.notAfter;
    },
    [Symbol.dispose]: () => renewal[Symbol.dispose](),
  };
}

interface Issued {
  readonly context: Redacted<SecureContextOptions>;
  readonly notAfter: number;
  readonly renewAt: number;
}

function issue({ authority, clock, random, dnsNames, ipAddresses, ttlMs = defaultTtlMs }: ServingOptions): Issued {
  const pair = generateKeyPair();
  const { chain, notAfter } = authority.issue({
    names: { kind: 'server', dnsNames, ipAddresses },
    publicKey: pair.publicKey,
    ttlMs,
  });
  return {
    context: new Redacted({ ca: [...authority.roots], cert: chain, key: pair.privateKey }),
    notAfter,
    renewAt: renewalTime(clock.now(), notAfter, random),
  };
}
