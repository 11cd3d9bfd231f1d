import { isRecord } from '../../lib/is-record.ts';
import type { Labels } from '../../model/object.ts';
import { type Path, pathText } from './path.ts';
import type { Report } from './report.ts';
import { hintFor } from './suggest.ts';

/** How a value is called in messages. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}

/**
 * One value of an input document with its path: reads it as a type, and reports what does not fit. A reader that reports
 * returns undefined (or an empty collection); absent and null values are undefined without a report, as in Kubernetes.
 */
export class Field {
  readonly value: unknown;
  readonly path: Path;
  readonly report: Report;

  constructor(value: unknown, path: Path, report: Report) {
    this.value = value;
    this.path = path;
    this.report = report;
  }

  /** Written at all, even as null. */
  get written(): boolean {
    return this.value !== undefined;
  }

  get present(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  error(code: string, message: string, hint = ''): undefined {
    this.report.error(this.path, code, message, hint);
  }

  warning(code: string, message: string, hint = ''): void {
    this.report.warning(this.path, code, message, hint);
  }

  info(code: string, message: string, hint = ''): void {
    this.report.info(this.path, code, message, hint);
  }

  /** The value under one key of an object; absent if this is no object. */
  child(name: string): Field {
    const value = isRecord(this.value) && Object.hasOwn(this.value, name) ? this.value[name] : undefined;
    return new Field(value, [...this.path, name], this.report);
  }

  /** Reports a written null: custom resources refuse one, and it is often a forgotten value. */
  refuseNull(want: string): void {
    if (this.value === null) this.error('wrong-type', `must be ${want}, not null`, 'write a value or remove the field');
  }

  string(): string | undefined {
    if (!this.present) return undefined;
    // A lone surrogate is no text: nothing that holds one could be encoded for Envoy.
    if (typeof this.value === 'string')
      return /\p{Surrogate}/u.test(this.value)
        ? this.error('bad-text', 'holds half a character', 'write it in UTF-8')
        : this.value;
    const quotable = typeof this.value === 'number' || typeof this.value === 'boolean';
    return this.error(
      'wrong-type',
      `must be a string, not ${typeName(this.value)}`,
      quotable ? `put it in quotes: "${String(this.value)}"` : '',
    );
  }

  /** A string with at least one character. */
  text(): string | undefined {
    const value = this.string();
    if (value === '') return this.error('empty-string', 'must not be empty');
    return value;
  }

  boolean(): boolean | undefined {
    if (!this.present) return undefined;
    if (typeof this.value === 'boolean') return this.value;
    return this.error('wrong-type', `must be true or false, not ${typeName(this.value)}`);
  }

  integer(min: number, max: number): number | undefined {
    if (!this.present) return undefined;
    if (typeof this.value !== 'number') {
      return this.error(
        'wrong-type',
        `must be a number, not ${typeName(this.value)}`,
        typeof this.value === 'string' ? 'remove the quotes' : '',
      );
    }
    if (Number.isInteger(this.value) && this.value >= min && this.value <= max) return this.value;
    return this.error('out-of-range', `must be a whole number from ${min} to ${max}, not ${this.value}`);
  }

  /** Any number, with decimals. */
  number(min: number, max: number): number | undefined {
    if (!this.present) return undefined;
    if (typeof this.value !== 'number')
      return this.error('wrong-type', `must be a number, not ${typeName(this.value)}`);
    if (this.value >= min && this.value <= max) return this.value;
    return this.error('out-of-range', `must be from ${min} to ${max}, not ${this.value}`);
  }

  oneOf<T extends string>(values: readonly T[]): T | undefined {
    const value = this.string();
    if (value === undefined) return undefined;
    const found = values.find((each) => each === value);
    if (found !== undefined) return found;
    return this.error('bad-value', `unsupported value ${JSON.stringify(value)}`, hintFor(value, values));
  }

  /** The items of a list; undefined if absent or not a list. */
  items(): readonly Field[] | undefined {
    if (!this.present) return undefined;
    if (!Array.isArray(this.value)) return this.error('wrong-type', `must be a list, not ${typeName(this.value)}`);
    return this.value.map((item: unknown, index) => new Field(item, [...this.path, index], this.report));
  }

  /** The entries of a map with free keys; undefined if absent or not a map. */
  entries(): readonly (readonly [string, Field])[] | undefined {
    if (!this.present) return undefined;
    if (!isRecord(this.value)) return this.error('wrong-type', `must be an object, not ${typeName(this.value)}`);
    return Object.entries(this.value).map(([key, value]) => [key, new Field(value, [...this.path, key], this.report)]);
  }

  /** A map of strings, such as labels; entries that are none are reported and left out. */
  stringMap(): Labels {
    if (!this.present) return {};
    const found: [string, string][] = [];
    for (const [key, field] of this.entries() ?? []) {
      if (field.value === null) field.refuseNull('a string');
      const value = field.string();
      if (value !== undefined) found.push([key, value]);
    }
    return Object.fromEntries(found);
  }

  /**
   * An object with a closed set of fields; others are reported in the words of Kubernetes' strict decoding. `hints`
   * says what to do about names that people often put here.
   */
  fields(known: readonly string[], hints: Readonly<Record<string, string>> = {}): Fields | undefined {
    if (!this.present) return undefined;
    if (!isRecord(this.value)) return this.error('wrong-type', `must be an object, not ${typeName(this.value)}`);
    return new Fields(this.value, this, known, hints);
  }
}

/** An object whose known fields can be read by name. */
export class Fields {
  readonly path: Path;
  /** Names that are not known here, in the order they are written. */
  readonly unknown: readonly string[];
  readonly #field: Field;

  constructor(
    value: Readonly<Record<string, unknown>>,
    field: Field,
    known: readonly string[],
    hints: Readonly<Record<string, string>>,
  ) {
    this.path = field.path;
    this.#field = field;
    this.unknown = Object.keys(value).filter((name) => !known.includes(name));
    for (const name of this.unknown) {
      const hint = Object.hasOwn(hints, name) ? hints[name] : undefined;
      const stray = this.get(name);
      stray.error('unknown-field', `unknown field "${pathText(stray.path)}"`, hint ?? hintFor(name, known));
    }
  }

  /** The field of that name, absent or not. */
  get(name: string): Field {
    return this.#field.child(name);
  }
}
