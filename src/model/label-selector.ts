import type { Labels } from './object.ts';

/** One condition on a label. `In` and `NotIn` have values; `NotIn` holds for a label that is absent, too. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

/** The label selector of Kubernetes (meta/v1): all conditions must hold; without any, everything is selected. */
export interface LabelSelector {
  readonly matchLabels: Labels;
  readonly matchExpressions: readonly LabelRequirement[];
}

/** Do these labels fulfil every condition? */
export function labelsMatch(selector: LabelSelector, labels: Labels): boolean {
  const equal = Object.entries(selector.matchLabels).every(([key, value]) => valueOf(labels, key) === value);
  return equal && selector.matchExpressions.every((requirement) => holds(requirement, labels));
}

/** Does a namespace with these labels belong to the mesh? Any selector suffices; without any, all do (behaviour.md 7.7). */
export function isSelected(labels: Labels, selectors: readonly LabelSelector[]): boolean {
  return selectors.length === 0 || selectors.some((selector) => labelsMatch(selector, labels));
}

function holds({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = valueOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** No inherited property counts: `constructor` is a valid label key. */
function valueOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
