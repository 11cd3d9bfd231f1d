import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { KubeClient } from './client.ts';
import type { KubeObject } from './object.ts';

/** One collection of the API that is kept in step. */
export interface ReflectOptions {
  readonly client: KubeClient;
  /** All objects of a kind (`/api/v1/pods`), or those of one namespace (`/api/v1/namespaces/x/secrets`). */
  readonly path: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Cuts an object down to what is read of it, before it is held; by default metadata loses its managed fields. */
  readonly trim?: (object: KubeObject) => KubeObject;
  /** Objects per page of a list; 500 by default. */
  readonly pageSize?: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/**
 * What happened, in the order of the server. The first `synced` ends the first list; a later relist gives only what it
 * changed. `absent`: the server has no such kind (its CRD is not installed); everything of it is gone until it appears.
 */
export type ReflectEvent =
  | { readonly type: 'put'; readonly object: KubeObject }
  | { readonly type: 'delete'; readonly namespace: string; readonly name: string }
  | { readonly type: 'synced' }
  | { readonly type: 'absent' };
