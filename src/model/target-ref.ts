/** What a policy is attached to instead of being chosen by labels; always in the policy's own namespace (behaviour.md 1.0). */
export interface TargetRef {
  /** API group; '' is the core group. */
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}
