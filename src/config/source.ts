import type { Finding } from '../model/finding.ts';
import type { MeshKind, MeshObject } from '../model/mesh-object.ts';

/** Names one object; `namespace` is '' for cluster-scoped kinds. */
export interface ObjectRef {
  readonly kind: MeshKind;
  readonly namespace: string;
  readonly name: string;
}

/**
 * What a source tells, in order. `reset` replaces everything the source said before (a first list, a relist); after
 * `synced` the set is complete for the first time. `findings` replaces all findings of that `scope` (a file path, or an
 * object of the cluster); `unknown` lists kinds that were seen and not read, for people.
 */
export type SourceEvent =
  | { readonly type: 'apply'; readonly object: MeshObject }
  | { readonly type: 'delete'; readonly ref: ObjectRef }
  | { readonly type: 'reset'; readonly objects: readonly MeshObject[] }
  | { readonly type: 'findings'; readonly scope: string; readonly findings: readonly Finding[] }
  | { readonly type: 'synced' };

/** Where configuration comes from: a directory of YAML, or a Kubernetes API. Both give the same events. */
export interface ConfigSource extends AsyncDisposable {
  /**
   * Events of one change that belong together (one file, one apply) come in one batch, so that no half state is ever
   * compiled. Ends when `signal` aborts.
   */
  events(signal: AbortSignal): AsyncIterable<readonly SourceEvent[]>;
}
