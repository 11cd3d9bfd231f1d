import type { TypeUrl, ViewId, WorkloadIdentity } from '../model/ids.ts';
import type { Proxy } from '../model/proxy.ts';
import type { Layer } from '../model/resource.ts';

/**
 * What the server asks of whoever compiles configuration. Two methods: who is this proxy to you, and what does it get.
 * The server knows nothing of policy; the compiler knows nothing of streams.
 */
export interface ConfigProvider {
  /**
   * Starts serving a proxy. `changed` is called (synchronously, cheaply, possibly many times in a row) with the types
   * whose layers are other objects than before, or when the proxy moved to another view; never for a proxy whose
   * configuration stayed the same. Dispose when the stream ends.
   */
  attach(proxy: Proxy, changed: (types: ReadonlySet<TypeUrl>) => void, peer: Peer): Attachment;
}

export interface Attachment extends Disposable {
  /** The view that the proxy belongs to now. Streams of equal view at equal layers get the same bytes. */
  readonly view: ViewId;
  /** The layers of one type now. Empty for a type that is not served. */
  layers(type: TypeUrl): readonly Layer[];
  /**
   * The client says, when it reconnects, that it holds this resource; for types whose content is made for one client alone.
   * Called before `layers` of that type is read; the provider may let the client keep what it has.
   */
  adopt?(type: TypeUrl, name: string, version: string): void;
}

/** Who opened a stream, as far as it was proven. */
export type Peer =
  | {
      readonly kind: 'proven';
      readonly identity: WorkloadIdentity;
      /** The pod the token was bound to, where the proof names one: `pod` in the identity's namespace. */
      readonly pod: string | undefined;
      /** ms since the epoch; the stream ends then. */
      readonly expiresAt: number;
      readonly by: 'join-token' | 'service-account-token' | 'svid';
    }
  /** Plaintext on loopback, asked for by `--xds-insecure`: the node's claim is its identity, and it gets no keys. */
  | { readonly kind: 'insecure' };

/** What the transport knows about a caller, before anything is believed. */
export interface Credentials {
  /** The `authorization` header, whole; '' without one. Never logged. */
  readonly authorization: string;
  /** DER of the client certificate that TLS verified against our roots; undefined without one. */
  readonly certificate: Uint8Array | undefined;
  readonly plaintext: boolean;
}

export interface Authenticator {
  /** Resolves to the peer, or throws MeshError `unauthenticated` with a reason that is safe to send to the caller. */
  authenticate(credentials: Credentials): Promise<Peer>;
}
