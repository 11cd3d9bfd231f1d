import { assertNever } from '../../lib/assert-never.ts';
import type { HttpRoute } from '../../model/virtual-service.ts';
import type { Field, Fields } from './field.ts';
import { readHttpMatches } from './http-match.ts';
import { readRouteDuration } from './limited-duration.ts';
import { readDelegate, readDirectResponse, readRedirect, readRewrite } from './route-action.ts';
import { readWeighted } from './route-destination.ts';
import { readRouteHeaders } from './route-headers.ts';
import { mirrorFields, readCors, readFault, readMirrors } from './route-options.ts';
import { readRetries } from './route-retries.ts';

const actions = ['route', 'redirect', 'directResponse', 'delegate'] as const;
/** What only requests need that are sent on. */
const forwardOnly = ['rewrite', 'timeout', 'retries', ...mirrorFields];
const routeFields = ['name', 'match', ...actions, ...forwardOnly, 'fault', 'corsPolicy', 'headers'];

const hints = {
  destination: 'put it under an entry of "route"',
  uri: 'put it under an entry of "match"',
  appendHeaders: 'use headers.request.add',
  appendRequestHeaders: 'use headers.request.add',
  appendResponseHeaders: 'use headers.response.add',
  removeRequestHeaders: 'use headers.request.remove',
  removeResponseHeaders: 'use headers.response.remove',
  websocketUpgrade: 'remove it: WebSockets always pass',
};

/** Reads one entry of `http` (behaviour.md 5.7); undefined where it says nothing of what is done. */
export function readHttpRoute(item: Field, namespace: string): HttpRoute | undefined {
  item.refuseNull('a route');
  const fields = item.fields(routeFields, hints);
  if (fields === undefined) return undefined;
  const matches = readHttpMatches(fields.get('match'), namespace);
  const action = readAction(item, fields, namespace);
  const options = {
    rewrite: readRewrite(fields.get('rewrite')),
    timeoutMs: readRouteDuration(fields.get('timeout'), { zero: true }),
    retries: readRetries(fields.get('retries')),
    fault: readFault(fields.get('fault')),
    mirrors: readMirrors(fields),
    cors: readCors(fields.get('corsPolicy')),
    headers: readRouteHeaders(fields.get('headers')),
  };
  if (action === undefined) return undefined;
  const local = action.kind === 'redirect' || action.kind === 'direct-response';
  for (const name of local ? forwardOnly : []) {
    if (fields.get(name).present)
      fields.get(name).warning('no-effect', `${name} has no effect here: nothing is sent on`, 'remove it');
  }
  if (options.rewrite?.authority && options.headers?.host)
    fields.get('headers').warning('no-effect', 'the Host set here has no effect: rewrite.authority wins', 'remove one');
  warnDoubleSlash(fields, matches, options.rewrite);
  return { name: fields.get('name').string() ?? '', matches, action, ...options };
}

function readAction(item: Field, fields: Fields, namespace: string): HttpRoute['action'] | undefined {
  for (const name of actions) fields.get(name).refuseNull('a value');
  const written = actions.filter((name) => fields.get(name).present);
  const [first, second] = written;
  if (second !== undefined)
    fields.get(second).error('one-action', `only one of ${written.join(' and ')} may be set`, 'remove the others');
  if (first === undefined)
    return item.error('no-action', 'says nothing of what is done with requests', `add one of ${actions.join(', ')}`);
  switch (first) {
    case 'route': {
      const destinations = readWeighted(fields.get('route'), true);
      if (fields.get('route').items()?.length === 0)
        fields.get('route').error('empty-list', 'route must not be empty', 'add a destination');
      return { kind: 'forward', destinations };
    }
    case 'redirect':
      return readRedirect(fields.get('redirect'));
    case 'directResponse':
      return readDirectResponse(fields.get('directResponse'));
    case 'delegate': {
      const to = readDelegate(fields.get('delegate'), namespace);
      return to === undefined ? undefined : { kind: 'delegate', to };
    }
    default:
      return assertNever(first);
  }
}

/** `/api` to `/` makes `/api/x` `//x`: people expect `/x` (behaviour.md 5.7). */
function warnDoubleSlash(fields: Fields, matches: HttpRoute['matches'], rewrite: HttpRoute['rewrite']): void {
  const path = rewrite?.path;
  if (path?.kind !== 'matched' || !path.value.endsWith('/')) return;
  for (const { request } of matches) {
    const { uri } = request;
    if (uri?.kind !== 'prefix' || uri.value.endsWith('/')) continue;
    fields
      .get('rewrite')
      .warning(
        'double-slash',
        `${JSON.stringify(`${uri.value}/x`)} becomes ${JSON.stringify(`${path.value}/x`)}`,
        `match the prefix ${JSON.stringify(`${uri.value}/`)}, and ${JSON.stringify(uri.value)} by itself`,
      );
    return;
  }
}
