import type { LabelRequirement, LabelSelector } from '../model/label-selector.ts';
import type { Field } from './decode/field.ts';
import { checkLabel } from './decode/names.ts';

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

/** Reads a label selector of Kubernetes (meta/v1, LabelSelector): matchLabels and matchExpressions. */
export function readLabelSelector(field: Field): LabelSelector {
  field.refuseNull('an object');
  const fields = field.fields(['matchLabels', 'matchExpressions']);
  const labels = fields?.get('matchLabels');
  for (const [key, entry] of labels?.entries() ?? []) {
    if (typeof entry.value === 'string') checkLabel(entry, key, entry.value);
  }
  return {
    matchLabels: labels?.stringMap() ?? {},
    matchExpressions: (fields?.get('matchExpressions').items() ?? []).flatMap(readRequirement),
  };
}

function readRequirement(field: Field): readonly LabelRequirement[] {
  field.refuseNull('an object');
  const fields = field.fields(['key', 'operator', 'values']);
  if (fields === undefined) return [];
  const keyField = fields.get('key');
  if (!keyField.present) keyField.error('missing-field', 'key is required', 'write the key of a label');
  const key = keyField.text();
  if (key !== undefined) checkLabel(keyField, key, '');
  const operatorField = fields.get('operator');
  if (!operatorField.present)
    operatorField.error('missing-field', 'operator is required', `use one of ${operators.join(', ')}`);
  const operator = operatorField.oneOf(operators);
  const valuesField = fields.get('values');
  const values = (valuesField.items() ?? []).flatMap((item) => {
    item.refuseNull('a string');
    return item.string() ?? [];
  });
  if (key === undefined || operator === undefined) return [];
  const takesValues = operator === 'In' || operator === 'NotIn';
  if (takesValues && values.length === 0)
    valuesField.error('missing-field', `${operator} needs values`, 'write a list with at least one value');
  if (!takesValues && values.length > 0) valuesField.error('bad-value', `${operator} takes no values`, 'remove them');
  return [{ key, operator, values }];
}
