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
    pathPrefix: fields.get('pathPrefix').string() ?? '',
    includeRequestHeadersInCheck: [...texts(old), ...texts(fields.get('includeRequestHeadersInCheck'))],
    includeAdditionalHeadersInCheck: fields.get('includeAdditionalHeadersInCheck').stringMap(),
    headersToUpstreamOnAllow: texts(fields.get('headersToUpstreamOnAllow')),
    headersToDownstreamOnAllow: texts(fields.get('headersToDownstreamOnAllow')),
    headersToDownstreamOnDeny: texts(fields.get('headersToDownstreamOnDeny')),
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
    timeoutMs: readDuration(fields.get('timeout')) ?? defaultTimeoutMs,
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

function texts(field: Field): readonly string[] {
  return (field.items() ?? []).map((item) => item.text()).filter((text) => text !== undefined);
}
