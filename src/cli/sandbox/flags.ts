/** Flags of `sandbox up`. */
export interface UpFlags {
  readonly name?: string;
  readonly detach?: true;
  readonly keepConfig?: string;
  readonly mesh?: string;
  readonly envoy?: string;
  readonly timings?: true;
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
