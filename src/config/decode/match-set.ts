import type { MatchSet } from '../../model/authorization-policy.ts';
import type { Field, Fields } from './field.ts';

const negation = (name: string): string => `not${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;

/** Field names, each with the one that negates it: `paths`, `notPaths`. */
export const twins = (names: readonly string[]): readonly string[] => names.flatMap((name) => [name, negation(name)]);

/** The values of a field and of its twin. */
export function readMatchSet<T>(fields: Fields, name: string, read: (item: Field) => T | undefined): MatchSet<T> {
  return { values: readValues(fields.get(name), read), notValues: readValues(fields.get(negation(name)), read) };
}

/** The values of one predicate; none at all if one of them is broken, because fewer values would match less. */
export function readValues<T>(field: Field, read: (item: Field) => T | undefined): readonly T[] {
  if (!field.written) return [];
  const { value, clean } = field.report.attempt(() => {
    field.refuseNull('a list');
    const items = field.items();
    if (items?.length === 0)
      field.error('empty-list', `${field.path.at(-1)} must not be empty`, 'remove it, or add a value');
    return (items ?? []).map((item) => {
      item.refuseNull('a value');
      return read(item);
    });
  });
  return clean ? value.filter((each) => each !== undefined) : [];
}

/** Whether a predicate asks for anything. */
export function saysSomething({ values, notValues }: MatchSet<unknown>): boolean {
  return values.length > 0 || notValues.length > 0;
}
