import type { DirectResponse, Redirect, Rewrite } from '../../model/http-route.ts';
import type { DelegateRef } from '../../model/virtual-service.ts';
import type { Field, Fields } from './field.ts';
import { readHeaderText } from './header-text.ts';
import { checkNamespaceName, checkObjectName } from './names.ts';
import { checkRegex, checkSubstitution } from './regex.ts';

const redirectCodes = [301, 302, 303, 307, 308] as const;
const derivedPorts = ['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'] as const;
const prefixCommand = '%PREFIX()%';
/** What Envoy takes, once a set of routes says so. */
const maxBody = 1_048_576;

/** Reads `redirect` (behaviour.md 5.7). */
export function readRedirect(field: Field): Redirect | undefined {
  const fields = field.fields(['uri', 'prefixRewrite', 'authority', 'port', 'derivePort', 'scheme', 'redirectCode'], {
    code: 'did you mean "redirectCode"?',
    host: 'did you mean "authority"?',
  });
  if (fields === undefined) return undefined;
  return {
    kind: 'redirect',
    path: readRedirectPath(fields),
    authority: readHeaderText(fields.get('authority')) ?? '',
    scheme: readScheme(fields.get('scheme')),
    port: readRedirectPort(fields),
    code: readCode(fields.get('redirectCode')),
  };
}

function readRedirectPath(fields: Fields): Redirect['path'] {
  const [uri, prefix] = [fields.get('uri'), fields.get('prefixRewrite')];
  const [whole, stands] = [readHeaderText(uri) ?? '', readHeaderText(prefix) ?? ''];
  if (whole !== '' && stands !== '') uri.error('one-path', 'only one of uri and prefixRewrite may be set');
  if (stands !== '') return { kind: 'prefix', value: stands };
  if (whole.startsWith(prefixCommand)) return { kind: 'prefix', value: whole.slice(prefixCommand.length) };
  return whole === '' ? { kind: 'keep' } : { kind: 'whole', value: whole };
}

function readScheme(field: Field): string {
  const scheme = field.string() ?? '';
  if (scheme !== '' && !/^[a-z][a-z0-9+.-]{0,30}$/.test(scheme))
    field.error('bad-scheme', `${JSON.stringify(scheme)} is no scheme`, 'write http or https');
  return scheme;
}

function readRedirectPort(fields: Fields): Redirect['port'] {
  const [port, derived] = [fields.get('port'), fields.get('derivePort')];
  const number = port.integer(0, 65_535) || undefined;
  const from = derived.oneOf(derivedPorts);
  if (number !== undefined && from !== undefined)
    derived.error('one-port', 'only one of port and derivePort may be set', 'remove one');
  return number ?? (from === 'FROM_REQUEST_PORT' ? 'request-port' : 'protocol-default');
}

function readCode(field: Field): Redirect['code'] {
  const code = field.integer(0, 999) ?? 0;
  if (code === 0) return 301;
  const known = redirectCodes.find((each) => each === code);
  if (known === undefined) field.error('bad-code', `${code} is no redirect`, `use one of: ${redirectCodes.join(', ')}`);
  return known ?? 301;
}

/** Reads `directResponse` (behaviour.md 5.7). */
export function readDirectResponse(field: Field): DirectResponse | undefined {
  const fields = field.fields(['status', 'body'], { code: 'did you mean "status"?' });
  if (fields === undefined) return undefined;
  if (!fields.get('status').present) field.error('missing-field', 'status is required', 'for example "status: 404"');
  const status = fields.get('status').integer(200, 599) ?? 503;
  return { kind: 'direct-response', status, body: readBody(fields.get('body')) };
}

function readBody(field: Field): DirectResponse['body'] {
  field.refuseNull('an object');
  const fields = field.fields(['string', 'bytes'], { inline: 'write "string"' });
  const [text, bytes] = [fields?.get('string'), fields?.get('bytes')];
  if (text?.present && bytes?.present) field.error('one-body', 'only one of string and bytes may be set');
  const [value, base64] = [text?.string(), bytes?.string()];
  if (base64 !== undefined && !isBase64(base64)) bytes?.error('bad-base64', 'is no base64', 'or write "string"');
  if (Buffer.byteLength(value ?? '') > maxBody || Buffer.byteLength(base64 ?? '', 'base64') > maxBody)
    field.error('too-long', `is longer than ${maxBody} bytes`, 'serve it from an application');
  if (value !== undefined) return { kind: 'text', value };
  return base64 === undefined ? { kind: 'none' } : { kind: 'base64', value: base64 };
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

/** Reads `delegate`; in the object's own namespace unless it says another. */
export function readDelegate(field: Field, own: string): DelegateRef | undefined {
  const fields = field.fields(['name', 'namespace']);
  if (fields === undefined) return undefined;
  if (!fields.get('name').written) field.error('missing-field', 'name is required', 'name a VirtualService');
  const name = fields.get('name').text();
  const namespace = fields.get('namespace').string() || own;
  if (name !== undefined) checkObjectName(fields.get('name'), name);
  checkNamespaceName(fields.get('namespace'), namespace);
  return name === undefined ? undefined : { namespace, name };
}

/** Reads `rewrite` (behaviour.md 5.7). */
export function readRewrite(field: Field): Rewrite | undefined {
  field.refuseNull('an object');
  const fields = field.fields(['uri', 'authority', 'uriRegexRewrite'], {
    path: 'did you mean "uri"?',
    host: 'did you mean "authority"?',
  });
  if (fields === undefined) return undefined;
  const [uri, authority] = [fields.get('uri'), fields.get('authority')];
  const value = readHeaderText(uri) ?? '';
  const host = readHeaderText(authority) ?? '';
  const regex = readRegexRewrite(fields.get('uriRegexRewrite'));
  if (value !== '' && regex !== undefined) uri.error('one-path', 'only one of uri and uriRegexRewrite may be set');
  if (value === '' && host === '' && !fields.get('uriRegexRewrite').written)
    field.error('empty-rewrite', 'rewrites nothing', 'set uri, authority or uriRegexRewrite');
  return {
    path: regex ?? (value === '' ? { kind: 'keep' } : { kind: 'matched', value }),
    authority: host,
  };
}

function readRegexRewrite(field: Field): Rewrite['path'] | undefined {
  field.refuseNull('an object');
  const fields = field.fields(['match', 'rewrite']);
  if (fields === undefined) return undefined;
  for (const name of ['match', 'rewrite'])
    if (!fields.get(name).present) field.error('missing-field', `${name} is required`, 'both are');
  const pattern = fields.get('match').text();
  const substitution = readHeaderText(fields.get('rewrite'));
  if (pattern === undefined || substitution === undefined) return undefined;
  const facts = checkRegex(fields.get('match'), pattern);
  if (facts !== undefined) checkSubstitution(fields.get('rewrite'), substitution, facts.groups);
  return { kind: 'regex', pattern, substitution };
}
