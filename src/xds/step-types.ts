import type { TypeUrl } from '../model/ids.ts';
import type { InitialVersions } from './initial-versions.ts';
import type { Layers } from './layers.ts';
import type { NameSet } from './name-set.ts';
import type { Pass } from './plan.ts';
import type { ErrorDetail } from './request.ts';
import type { Payload, TypeState } from './state.ts';

/** What can happen to one type of one stream. */
export type StreamInput =
  | {
      readonly kind: 'delta-request';
      readonly type: TypeUrl;
      readonly subscribe: NameSet;
      readonly unsubscribe: NameSet;
      readonly initial: InitialVersions | undefined;
      readonly nonce: string;
      readonly error: ErrorDetail | undefined;
      readonly layers: Layers;
    }
  | {
      readonly kind: 'sotw-request';
      readonly type: TypeUrl;
      readonly names: NameSet;
      readonly nonce: string;
      readonly error: ErrorDetail | undefined;
    }
  /** The stream can take a response of this type: is there one? */
  | { readonly kind: 'pull'; readonly layers: Layers; readonly pass: Pass }
  /** Send these again, as far as the client holds them: what depends on them starts afresh on its side. */
  | { readonly kind: 'refresh'; readonly names: Iterable<string> }
  /** Answer the next request, even if it asks for nothing new. */
  | { readonly kind: 'answer-next' };

/** What the outside has to do about it. */
export type StreamOutput =
  | { readonly kind: 'send'; readonly payload: Payload }
  | { readonly kind: 'acked'; readonly payload: Payload }
  | { readonly kind: 'rejected'; readonly payload: Payload | undefined; readonly error: ErrorDetail }
  /** These bytes are kept from the whole view; '' as a name is a whole response, as a version a removal. */
  | { readonly kind: 'park'; readonly name: string; readonly version: string; readonly error: ErrorDetail }
  | { readonly kind: 'stale-nonce' }
  /** Asked for, not there, and not to be called removed (ECDS). */
  | { readonly kind: 'unanswered'; readonly names: readonly string[] }
  /** There is more to send, but not now: an answer is awaited, or removals go last. */
  | { readonly kind: 'wait'; readonly reason: 'ack' | 'removals' }
  /** A bound was passed. */
  | { readonly kind: 'close'; readonly message: string };

export type Step = readonly [TypeState | undefined, readonly StreamOutput[]];
