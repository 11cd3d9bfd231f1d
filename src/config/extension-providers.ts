import type { ExtensionProvider } from '../model/extension-provider.ts';
import { readDuration } from './decode/duration.ts';
import type { Field, Fields } from './decode/field.ts';

/** Providers of telemetry and tracing, which no policy names: they are none of this version's business. */
const otherProviders = [
  'datadog',
  'envoyFileAccessLog',
  'envoyHttpAls',
  'envoyOtelAls',
  'envoyTcpAls',
  'lightstep',
  'opencensus',
  'opentelemetry',
  'prometheus',
  'sds',
  'skywalking',
  'stackdriver',
  'zipkin',
];
const commonFields = [
  'service',
  'port',
  'timeout',
  'failOpen',
  'statusOnError',
  'includeRequestBodyInCheck',
  'clearRouteCache',
];
const httpFields = [
  ...commonFields,
  'pathPrefix',
  'includeHeadersInCheck',
  'includeRequestHeadersInCheck',
  'includeAdditionalHeadersInCheck',
  'headersToUpstreamOnAllow',
  'headersToDownstreamOnAllow',
  'headersToDownstreamOnDeny',
];
/** Providers of external authorizers are named by policies, and in the names of Envoy's rules. */
const providerName = /^[A-Za-z0-9._-]{1,253}$/;
/** Of a header (RFC 9110 section 5.6.2); where names are selected, `x*`, `*x` and `*` are such words, too. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const maxHeaderValue = 8_192;
const maxTimeoutMs = 24 * 3_600_000;
/** Ten minutes: whoever sets none lets the authorizer decide how long it takes (behaviour.md 1.3, CUSTOM). */
const defaultTimeoutMs = 600_000;

/** Reads `extensionProviders` of the mesh settings: the external authorizers among them. */
export function readExtensionProviders(field: Field): readonly ExtensionProvider[] {
  const found = new Map<string, ExtensionProvider>();
  for (const item of field.items() ?? []) {
    const provider = readProvider(item);
    if (provider === undefined) continue;
    if (found.has(provider.name))
      item.child('name').error('duplicate', `there are two providers ${JSON.stringify(provider.name)}`, 'rename one');
    found.set(provider.name, provider);
  }
  return [...found.values()];
}

function readProvider(item: Field): ExtensionProvider | undefined {
  const fields = item.fields(['name', 'envoyExtAuthzHttp', 'envoyExtAuthzGrpc', ...otherProviders]);
  if (fields === undefined) return undefined;
  const name = fields.get('name').text();
  if (name === undefined) {
    if (!fields.get('name').written) item.error('missing-field', 'name is required', 'policies name a provider by it');
    return undefined;
  }
  if (!providerName.test(name) && (fields.get('envoyExtAuthzHttp').present || fields.get('envoyExtAuthzGrpc').present))
    fields.get('name').error('bad-name', `${JSON.stringify(name)} is no name`, 'use letters, digits, ".", "-" and "_"');
  const [http, grpc] = [fields.get('envoyExtAuthzHttp'), fields.get('envoyExtAuthzGrpc')];
  if (http.present && grpc.present)
    item.error('one-kind-only', 'a provider speaks HTTP or gRPC, not both', 'write two');
  if (http.present) return readHttp(name, http);
  if (grpc.present) return readGrpc(name, grpc);
  const other = otherProviders.find((each) => fields.get(each).written);
  if (other !== undefined) fields.get(other).warning('not-supported', `${other} is not used by this version`);
  else if (fields.unknown.length === 0)
    item.error('missing-field', 'the provider says nothing', 'add envoyExtAuthzGrpc or envoyExtAuthzHttp');
  return undefined;
}

function readGrpc(name: string, field: Field): ExtensionProvider | undefined {
  const fields = field.fields(commonFields);
  const common = fields && readCommon(name, field, fields);
  return common && { kind: 'grpc', ...common };
}

function readHttp(name: string, field: Field): ExtensionProvider | undefined {
  const fields = field.fields(httpFields);
  const common = fields && readCommon(name, field, fields);
  if (fields === undefined || common === undefined) return undefined;
  const old = fields.get('includeHeadersInCheck');
  if (old.written)
    old.warning('deprecated-field', 'includeHeadersInCheck is deprecated', 'use includeRequestHeadersInCheck');
  return {
    kind: 'http',
    ...common,
    pathPrefix: readPathPrefix(fields.get('pathPrefix')),
    includeRequestHeadersInCheck: [...headerNames(old), ...headerNames(fields.get('includeRequestHeadersInCheck'))],
    includeAdditionalHeadersInCheck: readHeaders(fields.get('includeAdditionalHeadersInCheck')),
    headersToUpstreamOnAllow: headerNames(fields.get('headersToUpstreamOnAllow')),
    headersToDownstreamOnAllow: ownHeaders(fields.get('headersToDownstreamOnAllow')),
    headersToDownstreamOnDeny: headerNames(fields.get('headersToDownstreamOnDeny')),
  };
}

type Common = Omit<Extract<ExtensionProvider, { readonly kind: 'grpc' }>, 'kind'>;

function readCommon(name: string, field: Field, fields: Fields): Common | undefined {
  for (const required of ['service', 'port'])
    if (!fields.get(required).written) field.error('missing-field', `${required} is required`, `add ${required}`);
  const service = fields.get('service').text();
  const port = fields.get('port').integer(1, 65_535);
  if (service === undefined || port === undefined) return undefined;
  return {
    name,
    // `<namespace>/<host>` only tells apart what a full host name tells apart already.
    service: service.slice(service.indexOf('/') + 1),
    port,
    timeoutMs: readTimeout(fields.get('timeout')),
    failOpen: fields.get('failOpen').boolean() ?? false,
    statusOnError: readStatus(fields.get('statusOnError')),
    body: readBody(fields.get('includeRequestBodyInCheck')),
    clearRouteCache: fields.get('clearRouteCache').boolean() ?? false,
  };
}

/** A status code, which this API writes as text. */
function readStatus(field: Field): number {
  const text = field.text();
  if (text === undefined) return 403;
  const status = /^[1-5]\d\d$/.test(text) ? Number(text) : 0;
  if (status >= 200) return status;
  field.error('bad-status', `${JSON.stringify(text)} is no HTTP status`, 'write for example "503"');
  return 403;
}

function readBody(field: Field): Common['body'] {
  const fields = field.fields(['maxRequestBytes', 'allowPartialMessage', 'packAsBytes']);
  const maxRequestBytes = fields?.get('maxRequestBytes').integer(1, 2 ** 30);
  if (fields === undefined) return undefined;
  if (maxRequestBytes === undefined) {
    if (!fields.get('maxRequestBytes').written)
      field.error('missing-field', 'maxRequestBytes is required', 'say how much of a body may be held back');
    return undefined;
  }
  return {
    maxRequestBytes,
    allowPartialMessage: fields.get('allowPartialMessage').boolean() ?? false,
    packAsBytes: fields.get('packAsBytes').boolean() ?? false,
  };
}

function readTimeout(field: Field): number {
  const ms = readDuration(field) ?? defaultTimeoutMs;
  if (ms > maxTimeoutMs) field.error('out-of-range', 'no request waits longer than a day', 'write at most 24h');
  return ms;
}

/** Envoy refuses the filter whole for a prefix that is no path, and asks a broken one for a path with a query. */
function readPathPrefix(field: Field): string {
  const text = field.string() ?? '';
  if (text !== '' && !/^\/[!"$->@-~]*$/.test(text))
    field.error('bad-path', `${JSON.stringify(text)} is no path`, 'begin with "/", without a query');
  return text;
}

function headerNames(field: Field): readonly string[] {
  return (field.items() ?? []).flatMap((item) => {
    const text = item.text();
    if (text === undefined) return [];
    if (!token.test(text)) item.error('bad-header', `${JSON.stringify(text)} is no header name`, nameHint);
    return [text];
  });
}

/** As `:status` of the authorizer's answer is one, too, Envoy 1.36 and 1.40 answer 502 for a pattern that takes them all. */
function ownHeaders(field: Field): readonly string[] {
  const names = headerNames(field);
  names.forEach((name, index) => {
    if (/^\*(s|us|tus|atus|tatus|status)?$/.test(name))
      field.items()?.[index]?.error('bad-header', `${JSON.stringify(name)} takes the status too`, 'name the headers');
  });
  return names;
}

/** Headers that are sent as they stand. Those of the request line are the check's own: Envoy refuses a filter that sets one. */
function readHeaders(field: Field): Readonly<Record<string, string>> {
  for (const [name, value] of field.entries() ?? []) {
    const text = value.string() ?? '';
    if (!token.test(name) || name.toLowerCase() === 'host')
      value.error('bad-header', `${JSON.stringify(name)} is no header that can be added`, nameHint);
    if (text.length > maxHeaderValue || !/^[\t\x20-\x7e]*$/.test(text))
      value.error('bad-header', 'is no value of a header', 'use printable ASCII, at most 8 KiB');
  }
  return field.stringMap();
}

const nameHint = 'use the name of a header, without ":"';
