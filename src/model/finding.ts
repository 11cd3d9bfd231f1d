import type { Origin } from './object.ts';

/** `error`: the object (or that part of it) is not in force. `warning`: in force, but risky or not as it may look. */
export type Severity = 'error' | 'warning' | 'info';

/**
 * Something a person should know about their configuration. Findings are values: the same ones go to `validate`, the log,
 * `/debug/findings`, webhooks and object status.
 */
export interface Finding {
  readonly severity: Severity;
  /** Stable, kebab-case, for scripts and suppressions: `unknown-field`, `port-level-needs-selector`, … */
  readonly code: string;
  /** `Kind/namespace/name` where known, '' for a document that has none. */
  readonly object: string;
  readonly origin: Origin;
  /** Dotted path with indexes, `spec.rules[0].to[1].operation.ports[0]`; '' for the whole object. */
  readonly field: string;
  /** What is wrong: one sentence, lower case, no full stop. */
  readonly message: string;
  /** What to do about it; '' where there is nothing useful to say. */
  readonly hint: string;
}
