import type { Condition, MatchSet } from '../../model/authorization-policy.ts';
import type { StringMatch } from '../../model/match.ts';
import { checkClaim, checkHeader, checkNamespace, checkPrincipal } from './authorization-checks.ts';
import {
  type Context,
  readIpBlock,
  readMetadataValue,
  readPort,
  readRequestPrincipal,
  readServiceAccount,
  readText,
  readTrustDomain,
} from './authorization-values.ts';
import type { Field, Fields } from './field.ts';
import { readHeaderName } from './header-name.ts';
import { readValues, saysSomething } from './match-set.ts';
import { hintFor } from './suggest.ts';

/** Makes a condition of a key; undefined where the key is another one. */
type Reader = (fields: Fields, context: Context) => Condition | undefined;

function set<T>(fields: Fields, read: (item: Field) => T | undefined): MatchSet<T> {
  return { values: readValues(fields.get('values'), read), notValues: readValues(fields.get('notValues'), read) };
}

const texts = (fields: Fields): MatchSet<StringMatch> =>
  set(
    fields,
    readText(() => undefined),
  );

/** Keys that stand for themselves (behaviour.md 1.3, field generators). */
const plainKeys: Readonly<Record<string, Reader>> = {
  'source.ip': (fields) => ({ key: 'source.ip', ...set(fields, readIpBlock) }),
  'remote.ip': (fields) => ({ key: 'remote.ip', ...set(fields, readIpBlock) }),
  'source.namespace': (fields) => ({ key: 'source.namespace', ...set(fields, readText(checkNamespace)) }),
  'source.principal': (fields) => ({ key: 'source.principal', ...set(fields, readText(checkPrincipal)) }),
  'source.trustDomain': (fields) => ({ key: 'source.trustDomain', ...set(fields, readTrustDomain) }),
  'source.serviceAccount': (fields, context) => ({
    key: 'source.serviceAccount',
    ...set(fields, readServiceAccount(context)),
  }),
  'request.auth.principal': (fields) => ({ key: 'request.auth.principal', ...set(fields, readRequestPrincipal) }),
  'request.auth.audiences': (fields) => ({ key: 'request.auth.audiences', ...texts(fields) }),
  'request.auth.presenter': (fields) => ({ key: 'request.auth.presenter', ...texts(fields) }),
  'destination.ip': (fields) => ({ key: 'destination.ip', ...set(fields, readIpBlock) }),
  'destination.port': (fields) => ({ key: 'destination.port', ...set(fields, readPort) }),
  'connection.sni': (fields) => ({ key: 'connection.sni', ...texts(fields) }),
};

/** Keys of older versions of the API, and what took their place (behaviour.md 1.3, validation). */
const goneKeys: Readonly<Record<string, string>> = {
  'source.user': 'use source.principal',
  'destination.labels': 'use a selector',
  'destination.name': 'use a selector',
  'destination.namespace': 'a policy holds in its own namespace',
  'destination.user': 'use a selector',
};

const shownKeys = [
  ...Object.keys(plainKeys),
  'request.headers[name]',
  'request.auth.claims[name]',
  'experimental.envoy.filters.name[key]',
];

/** Attributes that an external authorizer is asked before: nobody knows them yet (behaviour.md 1.3, validation). */
const notInCustom =
  /^(source\.(namespace|serviceAccount|trustDomain|principal)|request\.auth\.(principal|audiences|presenter|claims.*))$/;

/** Reads one entry of `when`; undefined if it has no meaning, which a caller must take for "anything". */
export function readCondition(item: Field, context: Context): Condition | undefined {
  const { value, clean } = item.report.attempt(() => {
    item.refuseNull('an object');
    const fields = item.fields(['key', 'values', 'notValues']);
    if (fields === undefined) return undefined;
    const key = fields.get('key').text();
    if (!fields.get('key').written) item.error('missing-field', 'key is required', 'for example "key: source.ip"');
    if (!fields.get('values').written && !fields.get('notValues').written)
      item.error('missing-field', 'values or notValues is required', 'add values');
    if (key === undefined) return undefined;
    if (context.action === 'CUSTOM' && notInCustom.test(key)) {
      fields
        .get('key')
        .error(
          'not-in-custom',
          `${key} can't be used with action CUSTOM`,
          'the authorizer is asked before it is known',
        );
    }
    return conditionOf(key, fields, context);
  });
  return clean && value !== undefined && saysSomething(value) ? value : undefined;
}

function conditionOf(key: string, fields: Fields, context: Context): Condition | undefined {
  const plain = Object.hasOwn(plainKeys, key) ? plainKeys[key] : undefined;
  if (plain !== undefined) return plain(fields, context);
  const written = /^request\.headers\[([^[\]]+)\]$/.exec(key)?.[1];
  if (written !== undefined) {
    const header = readHeaderName(fields.get('key'), written);
    return header === undefined ? undefined : { key: 'request.headers', header, ...set(fields, readText(checkHeader)) };
  }
  const claims = /^request\.auth\.claims((?:\[[^[\]]+\])+)$/.exec(key)?.[1];
  if (claims !== undefined) {
    return { key: 'request.auth.claims', claim: bracketed(claims), ...set(fields, readText(checkClaim)) };
  }
  const [, filter, path] = /^experimental\.(envoy\.filters\.[a-zA-Z0-9._-]+)((?:\[[^[\]]+\])+)$/.exec(key) ?? [];
  if (filter !== undefined && path !== undefined) {
    return { key: 'experimental.envoy.filters', filter, path: bracketed(path), ...set(fields, readMetadataValue) };
  }
  const old = key.replace(/\[.*$/, '');
  const instead = Object.hasOwn(goneKeys, old) ? goneKeys[old] : undefined;
  if (instead !== undefined)
    return fields
      .get('key')
      .error('removed-key', `condition ${JSON.stringify(key)} is deprecated and no longer read`, instead);
  const hint = hintFor(key, shownKeys) || `use one of: ${shownKeys.join(', ')}`;
  return fields.get('key').error('unknown-key', `unknown condition ${JSON.stringify(key)}`, hint);
}

/** `[a][b]` → a, b. */
function bracketed(text: string): readonly string[] {
  return text.slice(1, -1).split('][');
}
