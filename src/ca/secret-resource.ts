import { encode } from '@envoyproxy/protos';
import { contentVersion } from '../lib/hash.ts';
import type { WorkloadIdentity } from '../model/ids.ts';
import type { Resource } from '../model/resource.ts';
import { types } from '../model/type-urls.ts';
import type { Authority } from './authority.ts';
import { generateKeyPair } from './key-pair.ts';
import type { SecretGeneration } from './secret-version.ts';

/** Names of the two secrets that every sidecar asks for (product.md, names that never change). */
export const workloadSecretName = 'default';
export const rootSecretName = 'ROOTCA';

/**
 * A resource whose bytes are made when they are first needed: a client that still holds its certificate costs neither a
 * key nor a signature. The bytes hold a private key, so they are no property that a dump would find.
 */
export class LazyResource implements Resource {
  readonly type = types.secret;
  readonly name: string;
  readonly version: string;
  #build: (() => Uint8Array) | undefined;
  #body: Uint8Array | undefined;

  constructor(name: string, version: string, build: () => Uint8Array) {
    this.name = name;
    this.version = version;
    this.#build = build;
  }

  /** Throws a MeshError where the authority can't sign any more. */
  get body(): Uint8Array {
    if (this.#body === undefined) {
      // A copy: the encoder's bytes are a slice of a shared 8 kB block, which a long-lived one would keep alive.
      this.#body = new Uint8Array(this.#build?.() ?? []);
      this.#build = undefined;
    }
    return this.#body;
  }

  /** Whether the bytes exist. */
  get built(): boolean {
    return this.#body !== undefined;
  }
}

/**
 * A new key with a new certificate, encoded as the secret `default`. The key exists in these bytes alone: nothing keeps
 * it apart, and nothing writes it to a file.
 */
export function buildWorkloadSecret(
  authority: Authority,
  identity: WorkloadIdentity,
  ttlMs: number,
  serial: Uint8Array | undefined,
): Uint8Array {
  const pair = generateKeyPair();
  const { chain } = authority.issue(
    { names: { kind: 'workload', identity }, publicKey: pair.publicKey, ttlMs },
    serial,
  );
  return encode('envoy.extensions.transport_sockets.tls.v3.Secret', {
    name: workloadSecretName,
    tlsCertificate: {
      certificateChain: { inlineBytes: Buffer.from(chain) },
      privateKey: { inlineBytes: Buffer.from(pair.privateKey) },
    },
  });
}

/**
 * How long a generation has still to live: what to ask for so that the certificate ends when its version says. Never 0,
 * which would ask for the default.
 */
export function remaining(generation: SecretGeneration, now: number): number {
  return Math.max(generation.notAfter - now, 1);
}

/** What peers are verified against, as the secret `ROOTCA`. */
export function rootSecret(authority: Authority): Resource {
  const body = encode('envoy.extensions.transport_sockets.tls.v3.Secret', {
    name: rootSecretName,
    validationContext: { trustedCa: { inlineBytes: Buffer.from(authority.roots.join('')) } },
  });
  return { type: types.secret, name: rootSecretName, version: contentVersion(body), body };
}
