import { type Selector, selectAll } from '../../model/selector.ts';
import type { Field } from './field.ts';

const maxLabels = 4096;
const maxValue = 63;

/** ServiceEntry and Sidecar write `labels` where all others write `matchLabels`. */
const hints = {
  matchLabels: { matchExpressions: 'a mesh selector takes matchLabels only', labels: 'write matchLabels' },
  labels: { matchExpressions: 'a mesh selector takes labels only', matchLabels: 'write labels' },
} as const;

/**
 * Reads a workload selector (behaviour.md 1.0). `undefined`: it can't be read, so nobody knows which workloads are meant.
 * Selectors match labels literally, so a wildcard is refused instead of matching nothing without a word.
 */
export function readSelector(field: Field, name: keyof typeof hints = 'matchLabels'): Selector | undefined {
  if (!field.written) return selectAll;
  const read = field.report.attempt(() => {
    field.refuseNull('an object');
    const labels = field.fields([name], hints[name])?.get(name);
    if (labels === undefined) return selectAll;
    labels.refuseNull('an object');
    checkLabels(labels);
    return { matchLabels: labels.stringMap() };
  });
  if (!read.clean) return undefined;
  if (Object.keys(read.value.matchLabels).length === 0) {
    field.report.info(
      field.path,
      'selector-empty',
      'a selector without labels selects every workload in scope',
      'remove the selector if that is meant',
    );
  }
  return read.value;
}

function checkLabels(field: Field): void {
  const entries = field.entries() ?? [];
  if (entries.length > maxLabels)
    field.error('too-many', `a selector takes at most ${maxLabels} labels, not ${entries.length}`);
  for (const [key, entry] of entries) {
    if (key === '') entry.error('selector-empty-key', 'a label key must not be empty');
    if (key.includes('*'))
      entry.error(
        'selector-wildcard',
        `wildcards are not supported in a selector: key ${JSON.stringify(key)}`,
        'write the whole label',
      );
    if (typeof entry.value !== 'string') continue;
    if (entry.value.includes('*')) {
      entry.error(
        'selector-wildcard',
        `wildcards are not supported in a selector: value ${JSON.stringify(entry.value)}`,
        'write the whole label',
      );
    }
    if (entry.value.length > maxValue)
      entry.error(
        'selector-value-too-long',
        `a label value has at most ${maxValue} characters, not ${entry.value.length}`,
      );
  }
}
