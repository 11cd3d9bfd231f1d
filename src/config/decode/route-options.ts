import type { CorsPolicy, Fault, Mirror } from '../../model/http-route.ts';
import type { Percent } from '../../model/traffic-policy.ts';
import type { Field, Fields } from './field.ts';
import { readHeaderText } from './header-text.ts';
import { readRouteDuration } from './limited-duration.ts';
import { readDestination } from './route-destination.ts';
import { hintFor } from './suggest.ts';
import { readTexts } from './texts.ts';
import { readValueMatch } from './value-match.ts';

/** The names of gRPC's status codes, each at its number. */
const grpcCodes = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS'],
  ...['PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED'],
  ...['INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'],
];

/** Reads `{ value: 12.5 }`; undefined where none is written. */
function readPercent(field: Field): Percent | undefined {
  field.refuseNull('an object');
  const fields = field.fields(['value']);
  return fields === undefined ? undefined : (fields.get('value').number(0, 100) ?? 0);
}

/** Reads `fault` (behaviour.md 5.7). Without a share it strikes no request, as to Envoy. */
export function readFault(field: Field): Fault | undefined {
  field.refuseNull('an object');
  const fields = field.fields(['delay', 'abort']);
  if (fields === undefined) return undefined;
  if (!fields.get('delay').present && !fields.get('abort').present)
    field.error('empty-fault', 'has neither delay nor abort', 'remove it, or add one');
  return { delay: readDelay(fields.get('delay')), abort: readAbort(fields.get('abort')) };
}

function readDelay(field: Field): Fault['delay'] {
  field.refuseNull('an object');
  const fields = field.fields(['fixedDelay', 'exponentialDelay', 'percent', 'percentage']);
  if (fields === undefined) return undefined;
  const exponential = fields.get('exponentialDelay');
  if (exponential.present)
    exponential.warning('not-supported', 'Envoy has no such delay: there is none at all', 'use fixedDelay');
  else if (!fields.get('fixedDelay').present) field.error('missing-field', 'fixedDelay is required', 'say how long');
  const ms = readRouteDuration(fields.get('fixedDelay'));
  const whole = fields.get('percent').integer(0, 100);
  const percent = readPercent(fields.get('percentage')) ?? whole ?? warnNone(field);
  return ms === undefined || exponential.present ? undefined : { ms, percent };
}

function readAbort(field: Field): Fault['abort'] {
  field.refuseNull('an object');
  const fields = field.fields(['httpStatus', 'grpcStatus', 'http2Error', 'percentage']);
  if (fields === undefined) return undefined;
  const [http, grpc, http2] = [fields.get('httpStatus'), fields.get('grpcStatus'), fields.get('http2Error')];
  const written = [http, grpc, http2].filter((each) => each.present);
  if (written.length !== 1)
    field.error(
      'one-status',
      'exactly one of httpStatus, grpcStatus and http2Error must be set',
      'for example httpStatus',
    );
  const percent = readPercent(fields.get('percentage')) ?? warnNone(field);
  if (http2.present) {
    http2.warning('not-supported', 'Envoy has no such fault: there is none at all', 'use httpStatus');
    return undefined;
  }
  const name = grpc.string();
  if (name !== undefined) {
    const status = grpcCodes.indexOf(name);
    if (status < 0) grpc.error('bad-value', `${JSON.stringify(name)} is no status of gRPC`, hintFor(name, grpcCodes));
    return { kind: 'grpc', status, percent };
  }
  const status = http.integer(200, 599);
  return status === undefined ? undefined : { kind: 'http', status, percent };
}

function warnNone(field: Field): Percent {
  field.warning('no-effect', 'without a percentage it strikes no request', 'add "percentage: { value: 100 }"');
  return 0;
}

/** The fields by which a route says where copies go. */
export const mirrorFields = ['mirror', 'mirrors', 'mirrorPercent', 'mirror_percent', 'mirrorPercentage'];

/** Reads mirrors in both spellings; undefined where none is written (behaviour.md 5.7). */
export function readMirrors(fields: Fields): readonly Mirror[] | undefined {
  const [one, several] = [fields.get('mirror'), fields.get('mirrors')];
  const shares = ['mirrorPercent', 'mirror_percent', 'mirrorPercentage'].map((name) => fields.get(name));
  if (one.present && several.present) several.error('one-mirror', 'only one of mirror and mirrors may be set');
  if (!one.present)
    for (const share of shares)
      if (share.present) share.error('no-mirror', 'there is no mirror that this could be a share of', 'add "mirror"');
  if (several.present) {
    return (several.items() ?? []).flatMap((item) => {
      item.refuseNull('an object');
      const mirror = item.fields(['destination', 'percentage']);
      if (mirror === undefined) return [];
      if (!mirror.get('destination').present) item.error('missing-field', 'destination is required', 'name a service');
      const destination = readDestination(mirror.get('destination'));
      const percent = readPercent(mirror.get('percentage')) ?? 100;
      return destination === undefined ? [] : [{ destination, percent }];
    });
  }
  one.refuseNull('a destination');
  if (!one.present) return undefined;
  const whole = shares.slice(0, 2).map((share) => share.integer(0, 100));
  const percent = readPercent(fields.get('mirrorPercentage')) ?? whole.find((each) => each !== undefined) ?? 100;
  const destination = readDestination(one);
  return destination === undefined ? undefined : [{ destination, percent }];
}

/** Reads `corsPolicy` (behaviour.md 5.7). */
export function readCors(field: Field): CorsPolicy | undefined {
  field.refuseNull('an object');
  const fields = field.fields([
    ...['allowOrigin', 'allowOrigins', 'allowMethods', 'allowHeaders', 'exposeHeaders', 'maxAge', 'allowCredentials'],
    'unmatchedPreflights',
  ]);
  if (fields === undefined) return undefined;
  const old = readTexts(fields.get('allowOrigin')).map((value) => ({ kind: 'exact', value }) as const);
  const given = fields.get('allowOrigins');
  given.refuseNull('a list');
  const origins = (given.items() ?? []).flatMap((item) => {
    const match = readValueMatch(item);
    if (match?.kind !== 'present') return match ?? [];
    item.error('empty-match', 'names no origin', 'write "exact", "prefix" or "regex"');
    return [];
  });
  if (fields.get('allowOrigin').present)
    fields.get('allowOrigin').warning('deprecated-field', 'allowOrigin is deprecated', 'use allowOrigins');
  if (old.length + origins.length === 0)
    field.warning('no-effect', 'allows no origin, so it changes nothing', 'add allowOrigins');
  const maxAge = readRouteDuration(fields.get('maxAge'), { zero: true });
  if (maxAge !== undefined && maxAge % 1_000 !== 0)
    fields.get('maxAge').error('bad-duration', 'must be whole seconds', 'for example 24h');
  return {
    origins: [...origins, ...old],
    methods: readTokens(fields.get('allowMethods')),
    headers: readTokens(fields.get('allowHeaders')),
    exposed: readTokens(fields.get('exposeHeaders')),
    maxAgeSeconds: maxAge === undefined ? undefined : Math.floor(maxAge / 1_000),
    credentials: fields.get('allowCredentials').boolean(),
    forwardUnmatched: fields.get('unmatchedPreflights').oneOf(['UNSPECIFIED', 'FORWARD', 'IGNORE']) !== 'IGNORE',
  };
}

function readTokens(field: Field): readonly string[] {
  field.refuseNull('a list');
  return (field.items() ?? []).flatMap((item) => {
    const text = readHeaderText(item);
    if (text === undefined || /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)) return text ?? [];
    item.error('bad-text', `${JSON.stringify(text)} is no name`, 'write one name in each entry');
    return [];
  });
}
