import type { Field } from './field.ts';

/** A list of strings, none of them empty; those that are none are reported and left out. */
export function readTexts(field: Field): readonly string[] {
  field.refuseNull('a list');
  return (field.items() ?? []).map((item) => item.text()).filter((text) => text !== undefined);
}
