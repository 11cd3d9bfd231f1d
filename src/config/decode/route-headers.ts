import { formatProblem } from '../../model/access-log-format.ts';
import { type HeaderChanges, type HeaderPolicy, type HeaderValue, noHeaderChanges } from '../../model/http-route.ts';
import type { Field, Fields } from './field.ts';
import { readHeaderText } from './header-text.ts';

const name = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Envoy takes 1000 in one place, and those of a route and of its only destination stand in one. */
const maxChanges = 500;
/** Names of the request's Host, which Envoy changes in another way. */
const hostNames = ['host', ':authority'];

/** Reads `headers` of a route or of a destination; undefined where none is written. */
export function readRouteHeaders(field: Field): HeaderPolicy | undefined {
  field.refuseNull('an object');
  const fields = field.fields(['request', 'response'], {
    set: 'put it under "request" or "response"',
    add: 'put it under "request" or "response"',
    remove: 'put it under "request" or "response"',
  });
  if (fields === undefined) return undefined;
  const request = readChanges(fields.get('request'), true);
  const response = readChanges(fields.get('response'), false);
  return { request: request.changes, response: response.changes, host: request.host };
}

interface Read {
  readonly changes: HeaderChanges;
  readonly host: string;
}

function readChanges(field: Field, request: boolean): Read {
  field.refuseNull('an object');
  const fields = field.fields(['set', 'add', 'remove']);
  if (fields === undefined) return { changes: noHeaderChanges, host: '' };
  const set = readValues(fields, 'set', request);
  const add = readValues(fields, 'add', request);
  if (set.values.length + add.values.length > maxChanges)
    field.error('too-many', `at most ${maxChanges} headers can be set and added`, 'split the route');
  return {
    changes: { set: set.values, add: add.values, remove: readRemoved(fields.get('remove')) },
    host: set.host || add.host,
  };
}

/** Of Host and :authority, `set` beats `add` (behaviour.md 5.7). */
function readValues(
  fields: Fields,
  which: 'set' | 'add',
  request: boolean,
): { readonly values: readonly HeaderValue[]; readonly host: string } {
  const values: HeaderValue[] = [];
  let host = '';
  const field = fields.get(which);
  field.refuseNull('an object');
  for (const [key, entry] of field.entries() ?? []) {
    entry.refuseNull('a string');
    const lower = key.toLowerCase();
    const isHost = hostNames.includes(lower);
    const value = readHeaderText(entry);
    if (value === undefined) continue;
    if (isHost && request) host = value;
    else if (isHost || lower.startsWith(':')) warnFixed(entry, key);
    else if (!name.test(key)) badName(entry, key);
    else {
      checkFormat(entry, value);
      values.push({ name: lower, value });
    }
  }
  return { values, host };
}

function readRemoved(field: Field): readonly string[] {
  field.refuseNull('a list');
  const items = field.items() ?? [];
  if (items.length > maxChanges) field.error('too-many', `at most ${maxChanges} headers can be removed`);
  return items.flatMap((item) => {
    item.refuseNull('the name of a header');
    const text = item.text();
    if (text === undefined) return [];
    const lower = text.toLowerCase();
    if (hostNames.includes(lower) || lower.startsWith(':')) warnFixed(item, text);
    else if (name.test(text)) return [lower];
    else badName(item, text);
    return [];
  });
}

function warnFixed(field: Field, key: string): void {
  field.warning(
    'not-supported',
    `Envoy can't change ${JSON.stringify(key)} here: this is left out`,
    'of a request, set "Host" or use rewrite',
  );
}

function badName(field: Field, key: string): void {
  field.error('bad-header', `no message has a header ${JSON.stringify(key)}`, 'write the name of a header');
}

/** Envoy reads commands in values, and refuses all routes for one that it doesn't know; its environment is nobody's business. */
function checkFormat(field: Field, value: string): void {
  const problem =
    formatProblem(value) ?? (value.includes('%ENVIRONMENT(') ? '%ENVIRONMENT% is not allowed here' : undefined);
  if (problem !== undefined) field.error('bad-format', problem, 'write "%%" for a percent sign');
}
