import type { User } from '../../sandbox/user.ts';

/** Flags of `sandbox up`. */
export interface UpFlags {
  readonly name?: string;
  readonly detach?: true;
  readonly keepConfig?: string;
  readonly mesh?: string;
  readonly envoy?: string;
  readonly timings?: true;
  readonly kube?: true;
  readonly replicas?: number;
}

/** Flags of `sandbox exec`. */
export interface ExecFlags {
  readonly sandbox?: string;
  readonly user: User;
  readonly container?: string;
}

/** Flags of `sandbox logs`. */
export interface LogsFlags {
  readonly envoy?: true;
  readonly sandbox?: string;
  readonly container?: string;
}

/** Flags of `sandbox apply`. */
export interface ApplyFlags {
  readonly file: readonly string[];
  readonly namespace?: string;
  readonly check: boolean;
  readonly sandbox?: string;
}

/** Flags of `sandbox delete`. */
export interface DeleteFlags {
  readonly file?: readonly string[];
  readonly namespace?: string;
  readonly sandbox?: string;
}
