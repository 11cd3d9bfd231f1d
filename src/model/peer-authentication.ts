import type { ObjectMeta } from './object.ts';
import type { Selector } from './selector.ts';

/** What a policy writes. UNSET inherits from the next wider scope (behaviour.md 1.1). */
export type MtlsSetting = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';
/** What holds on a port after inheritance. */
export type MtlsMode = Exclude<MtlsSetting, 'UNSET'>;

export interface PeerAuthentication {
  readonly kind: 'PeerAuthentication';
  readonly meta: ObjectMeta;
  readonly selector: Selector;
  readonly mtls: MtlsSetting;
  /** Keyed by the workload's (target) port, ascending; not the Service port. */
  readonly portLevelMtls: ReadonlyMap<number, MtlsSetting>;
}
