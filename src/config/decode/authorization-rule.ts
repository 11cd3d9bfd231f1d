import type { AuthorizationRule, MatchSet, Operation, Source } from '../../model/authorization-policy.ts';
import { type StringMatch, stringMatch } from '../../model/match.ts';
import {
  type Check,
  checkHost,
  checkMethod,
  checkNamespace,
  checkPath,
  checkPrincipal,
} from './authorization-values.ts';
import type { Field, Fields } from './field.ts';

const twins = (names: readonly string[]): readonly string[] =>
  names.flatMap((name) => [name, `not${name.slice(0, 1).toUpperCase()}${name.slice(1)}`]);

const sourceFields = twins([
  'principals',
  'requestPrincipals',
  'namespaces',
  'serviceAccounts',
  'trustDomains',
  'ipBlocks',
  'remoteIpBlocks',
]);
const readSourceFields = twins(['principals', 'namespaces']);
const operationFields = twins(['hosts', 'ports', 'methods', 'paths']);

const ruleHints = { source: 'put it under "from"', operation: 'put it under "to"' };
const fromHints = Object.fromEntries(sourceFields.map((name) => [name, 'put it under "source"']));
const toHints = Object.fromEntries(operationFields.map((name) => [name, 'put it under "operation"']));

const maxFrom = 512;

/**
 * One rule in its widest reading: predicates that could not be read are left out, so `rule` matches at least what was
 * meant. With `clean` it matches exactly that.
 */
export interface RuleParts {
  readonly rule: AuthorizationRule;
  readonly clean: boolean;
}

/** Reads one item of `rules` (behaviour.md 1.3). `{}` matches everything. */
export function readRule(field: Field): RuleParts {
  const { value, clean } = field.report.attempt(() => {
    field.refuseNull('a rule');
    const fields = field.fields(['from', 'to', 'when'], ruleHints);
    if (fields === undefined) return { from: [], to: [] };
    const when = fields.get('when');
    if (when.written)
      when.error('not-supported', 'conditions (when) are not supported by this version', 'use from and to');
    return { from: alternatives(fields.get('from'), readFrom), to: alternatives(fields.get('to'), readTo) };
  });
  return { rule: value, clean };
}

/** A list of alternatives; if one of them has lost all its predicates it stands for anything, and so does the list. */
function alternatives<T>(field: Field, read: (item: Field) => T | undefined): readonly T[] {
  if (!field.written) return [];
  field.refuseNull('a list');
  const items = field.items();
  if (items === undefined) return [];
  if (items.length === 0)
    field.error('empty-list', `${field.path.at(-1)} must not be empty`, 'remove it to match anything, or add an entry');
  if (items.length > maxFrom) {
    field.error('too-many', `${field.path.at(-1)} takes at most ${maxFrom} entries, not ${items.length}`);
    return [];
  }
  const found: T[] = [];
  let any = false;
  for (const item of items) {
    const value = read(item);
    if (value === undefined) any = true;
    else found.push(value);
  }
  return any ? [] : found;
}

function readFrom(item: Field): Source | undefined {
  const fields = body(item, 'source', sourceFields, fromHints);
  if (fields === undefined) return undefined;
  for (const name of sourceFields) {
    const field = fields.get(name);
    if (field.written && !readSourceFields.includes(name)) {
      field.error('not-supported', `${name} is not supported by this version`, `use ${readSourceFields.join(', ')}`);
    }
  }
  const source = {
    principals: matches(fields, 'principals', checkPrincipal),
    namespaces: matches(fields, 'namespaces', checkNamespace),
  };
  return saysSomething([source.principals, source.namespaces]) ? source : undefined;
}

function readTo(item: Field): Operation | undefined {
  const fields = body(item, 'operation', operationFields, toHints);
  if (fields === undefined) return undefined;
  const operation = {
    hosts: matches(fields, 'hosts', checkHost),
    ports: set(fields, 'ports', readPort),
    methods: matches(fields, 'methods', checkMethod),
    paths: matches(fields, 'paths', checkPath),
  };
  return saysSomething([operation.hosts, operation.ports, operation.methods, operation.paths]) ? operation : undefined;
}

/** The one field of a `from` or `to` entry; it must hold at least one predicate. */
function body(
  item: Field,
  name: string,
  known: readonly string[],
  hints: Readonly<Record<string, string>>,
): Fields | undefined {
  item.refuseNull('an object');
  const entry = item.fields([name], hints);
  if (entry === undefined) return undefined;
  const field = entry.get(name);
  if (!field.written) {
    if (entry.unknown.length === 0) item.error('missing-field', `${name} is required`, `add ${name}`);
    return undefined;
  }
  field.refuseNull('an object');
  const fields = field.fields(known);
  if (fields !== undefined && Object.keys(field.value ?? {}).length === 0) {
    field.error('empty-object', `${name} must not be empty`, 'remove the whole list to match anything, or add a field');
  }
  return fields;
}

function saysSomething(sets: readonly MatchSet<unknown>[]): boolean {
  return sets.some((each) => each.values.length > 0 || each.notValues.length > 0);
}

function matches(fields: Fields, name: string, check: Check): MatchSet<StringMatch> {
  return set(fields, name, (item) => {
    const text = item.text();
    if (text === undefined) return undefined;
    check(item, text);
    return stringMatch(text);
  });
}

function set<T>(fields: Fields, name: string, read: (item: Field) => T | undefined): MatchSet<T> {
  const [values, notValues] = twins([name]).map((each) => list(fields.get(each), read));
  return { values: values ?? [], notValues: notValues ?? [] };
}

/** The values of one predicate; none at all if one of them is broken, because fewer values would match less. */
function list<T>(field: Field, read: (item: Field) => T | undefined): readonly T[] {
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

function readPort(item: Field): number | undefined {
  const text = item.text();
  if (text === undefined) return undefined;
  const port = /^[0-9]+$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  return item.error(
    'bad-port',
    `${JSON.stringify(text)} is not a port`,
    'use the port that the workload listens on, 1 to 65535',
  );
}
