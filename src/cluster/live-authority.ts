import type { X509Certificate } from 'node:crypto';
import type { Authority, Certificate } from '../ca/authority.ts';
import type { LeafRequest } from '../ca/template.ts';
import type { Redacted } from '../lib/redacted.ts';

/**
 * An authority whose signing certificate may be replaced by another one under the same roots, while it is used: what was
 * signed before stays good, since every peer verifies up to the root. Who holds this object needs to know nothing of it.
 */
export class LiveAuthority implements Authority {
  #current: Authority;
  #former: readonly X509Certificate[] = [];

  constructor(first: Authority) {
    this.#current = first;
  }

  /** `next` must have the roots of this one: {@link sameRoots}. */
  replace(next: Authority): void {
    const kept = new Set(next.issuers.map((each) => each.fingerprint256));
    this.#former = [...this.#current.issuers, ...this.#former].filter((each) => !kept.has(each.fingerprint256));
    this.#current = next;
  }

  get trustDomain(): Authority['trustDomain'] {
    return this.#current.trustDomain;
  }

  get roots(): readonly string[] {
    return this.#current.roots;
  }

  get fingerprint(): string {
    return this.#current.fingerprint;
  }

  get notAfter(): number {
    return this.#current.notAfter;
  }

  /** Those that signed before too: workloads show their certificates for as long as they last. */
  get issuers(): readonly X509Certificate[] {
    return [...this.#current.issuers, ...this.#former];
  }

  issue(request: LeafRequest, serial?: Uint8Array): Certificate {
    return this.#current.issue(request, serial);
  }

  derive(purpose: string): Redacted<Uint8Array> {
    return this.#current.derive(purpose);
  }
}

/** Whether two authorities ask peers to trust the same, in whatever order. */
export function sameRoots(a: Authority, b: Authority): boolean {
  return [...a.roots].sort().join('') === [...b.roots].sort().join('');
}
