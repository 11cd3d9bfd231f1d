import {
  type AuthorizationRule,
  anyMatch,
  anySource,
  type Condition,
  type MatchSet,
  type Operation,
  type Source,
} from '../../model/authorization-policy.ts';
import { checkHost, checkMethod, checkNamespace, checkPrincipal } from './authorization-checks.ts';
import { readCondition } from './authorization-condition.ts';
import {
  type Context,
  readIpBlock,
  readPath,
  readPort,
  readRequestPrincipal,
  readServiceAccount,
  readText,
  readTrustDomain,
} from './authorization-values.ts';
import type { Field, Fields } from './field.ts';
import { readMatchSet, saysSomething, twins } from './match-set.ts';

/** Who calls, by what the connection proves; an external authorizer is asked before that is looked at. */
const identities = twins(['principals', 'requestPrincipals', 'namespaces', 'serviceAccounts', 'trustDomains']);
const sourceFields = [...identities, ...twins(['ipBlocks', 'remoteIpBlocks'])];
const operationFields = twins(['hosts', 'ports', 'methods', 'paths']);

const ruleHints = { source: 'put it under "from"', operation: 'put it under "to"' };
const fromHints = Object.fromEntries(sourceFields.map((name) => [name, 'put it under "source"']));
const toHints = Object.fromEntries(operationFields.map((name) => [name, 'put it under "operation"']));

const maxFrom = 512;
const maxAccounts = 16;

/**
 * One rule in its widest reading: predicates that could not be read are left out, so `rule` matches at least what was
 * meant. With `clean` it matches exactly that.
 */
export interface RuleParts {
  readonly rule: AuthorizationRule;
  readonly clean: boolean;
}

/** Reads one item of `rules` (behaviour.md 1.3). `{}` matches everything. */
export function readRule(field: Field, context: Context): RuleParts {
  const { value, clean } = field.report.attempt(() => {
    field.refuseNull('a rule');
    const fields = field.fields(['from', 'to', 'when'], ruleHints);
    if (fields === undefined) return { from: [], to: [], when: [] };
    return {
      from: alternatives(fields.get('from'), maxFrom, (item) => readFrom(item, context)),
      to: alternatives(fields.get('to'), Number.POSITIVE_INFINITY, readTo),
      when: conditions(fields.get('when'), context),
    };
  });
  return { rule: value, clean };
}

/** A list of alternatives; if one of them has lost all its predicates it stands for anything, and so does the list. */
function alternatives<T>(field: Field, max: number, read: (item: Field) => T | undefined): readonly T[] {
  if (!field.written) return [];
  field.refuseNull('a list');
  const items = field.items();
  if (items === undefined) return [];
  if (items.length === 0)
    field.error('empty-list', `${field.path.at(-1)} must not be empty`, 'remove it to match anything, or add an entry');
  if (items.length > max) {
    field.error(
      'too-many',
      `${field.path.at(-1)} takes at most ${max} entries, not ${items.length}`,
      'write two rules',
    );
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

/** All conditions that could be read; the others are left out, which matches more. */
function conditions(field: Field, context: Context): readonly Condition[] {
  if (!field.written) return [];
  field.refuseNull('a list');
  const items = field.items() ?? [];
  if (field.present && items.length === 0)
    field.error('empty-list', 'when must not be empty', 'remove it, or add a condition');
  return items.map((item) => readCondition(item, context)).filter((each) => each !== undefined);
}

function readFrom(item: Field, context: Context): Source | undefined {
  const fields = body(item, 'source', sourceFields, fromHints);
  if (fields === undefined) return undefined;
  const written = (names: readonly string[]): readonly string[] => names.filter((name) => fields.get(name).written);
  if (context.action === 'CUSTOM') {
    for (const name of written(identities)) {
      fields
        .get(name)
        .error(
          'not-in-custom',
          `${name} can't be used with action CUSTOM`,
          'use ipBlocks, or leave it to the authorizer',
        );
    }
  }
  const [accounts] = written(twins(['serviceAccounts']));
  const twice = accounts !== undefined && written(twins(['principals', 'namespaces'])).length > 0;
  if (twice) {
    fields
      .get(accounts)
      .error('one-identity-only', `${accounts} can't be combined with principals or namespaces`, 'write two entries');
  }
  for (const name of twins(['serviceAccounts'])) {
    const { value } = fields.get(name);
    if (Array.isArray(value) && value.length > maxAccounts)
      fields
        .get(name)
        .error('too-many', `${name} takes at most ${maxAccounts} values, not ${value.length}`, 'write two entries');
  }
  const source: Source = {
    principals: readMatchSet(fields, 'principals', readText(checkPrincipal)),
    requestPrincipals: readMatchSet(fields, 'requestPrincipals', readRequestPrincipal),
    namespaces: readMatchSet(fields, 'namespaces', readText(checkNamespace)),
    serviceAccounts: readMatchSet(fields, 'serviceAccounts', readServiceAccount(context)),
    trustDomains: readMatchSet(fields, 'trustDomains', readTrustDomain),
    ipBlocks: readMatchSet(fields, 'ipBlocks', readIpBlock),
    remoteIpBlocks: readMatchSet(fields, 'remoteIpBlocks', readIpBlock),
  };
  const usable = usableOf(source, context, twice);
  return asksSomething({ ...usable }) ? usable : undefined;
}

/** A source without the predicates that can't be used together, or not by this action: then it matches more. */
function usableOf(source: Source, { action }: Context, twice: boolean): Source {
  // What an authorizer is asked before can't be known then: looked for, it would never be there, and nobody be asked.
  if (action === 'CUSTOM') return { ...anySource, ...addressesOf(source) };
  // Whether one of the two is meant, or both, can't be told.
  if (twice) return { ...source, principals: anyMatch, namespaces: anyMatch, serviceAccounts: anyMatch };
  return source;
}

function addressesOf({ ipBlocks, remoteIpBlocks }: Source): Pick<Source, 'ipBlocks' | 'remoteIpBlocks'> {
  return { ipBlocks, remoteIpBlocks };
}

function readTo(item: Field): Operation | undefined {
  const fields = body(item, 'operation', operationFields, toHints);
  if (fields === undefined) return undefined;
  const operation: Operation = {
    hosts: readMatchSet(fields, 'hosts', readText(checkHost)),
    ports: readMatchSet(fields, 'ports', readPort),
    methods: readMatchSet(fields, 'methods', readText(checkMethod)),
    paths: readMatchSet(fields, 'paths', readPath),
  };
  return asksSomething({ ...operation }) ? operation : undefined;
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

function asksSomething(fields: Readonly<Record<string, MatchSet<unknown>>>): boolean {
  return Object.values(fields).some(saysSomething);
}
