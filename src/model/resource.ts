import type { TypeUrl } from './ids.ts';

/**
 * One xDS resource, encoded once and shared by every stream that gets it. Immutable; equal content is the same object
 * wherever the builder's cache could tell.
 */
export interface Resource {
  readonly type: TypeUrl;
  readonly name: string;
  /** Hash of `body`. */
  readonly version: string;
  /** The encoded message, without its Any wrapper. */
  readonly body: Uint8Array;
}

/**
 * One generation of a group of resources of one type that changes as a whole: a layer. A view reads a type as a few
 * layers (what all sidecars share, what its namespace shares, what is its own), whose names never overlap, so that a
 * change of a shared layer is built, encoded and compared once for everybody.
 */
export interface Layer {
  /** Stays the same over generations: `clusters/outbound`, `listeners/view/…`. */
  readonly key: string;
  readonly resources: ReadonlyMap<string, Resource>;
}

export const emptyLayer = (key: string): Layer => ({ key, resources: new Map() });
