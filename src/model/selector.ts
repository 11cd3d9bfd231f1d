import type { Labels } from './object.ts';

/** Labels that a workload must carry. Without any, every workload in scope is meant (behaviour.md 1.0). */
export interface Selector {
  readonly matchLabels: Labels;
}

export const selectAll: Selector = { matchLabels: {} };

export function selectsAll(selector: Selector): boolean {
  return Object.keys(selector.matchLabels).length === 0;
}

/** Policy labels are a subset of the workload's labels. */
export function selects(selector: Selector, labels: Labels): boolean {
  for (const key of Object.keys(selector.matchLabels)) {
    if (!Object.hasOwn(labels, key) || labels[key] !== selector.matchLabels[key]) return false;
  }
  return true;
}
