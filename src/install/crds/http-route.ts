import { destination, headers, percent, stringMatch } from './route-parts.ts';
import {
  atMostOne,
  choice,
  count,
  duration,
  flag,
  int32,
  list,
  map,
  object,
  rules,
  type Schema,
  text,
  textMap,
  texts,
} from './schema.ts';

const match = object('Requests alike; all fields must match.', {
  name: text('Name, for statistics.'),
  uri: stringMatch,
  ignoreUriCase: flag('Compare the path without regard to case.'),
  scheme: stringMatch,
  method: stringMatch,
  authority: stringMatch,
  headers: map('Headers.', stringMatch),
  withoutHeaders: map('Headers that must not match.', stringMatch),
  queryParams: map('Query parameters.', stringMatch),
  port: count('Port that the client asked for.'),
  sourceLabels: textMap('Labels of the client.'),
  sourceNamespace: text('Namespace of the client.'),
  gateways: texts('Gateways that this is for; "mesh" stands for the sidecars.'),
  statPrefix: text('Prefix of the statistics of this route.'),
});

const redirect = object(
  'Answer with a redirect.',
  {
    uri: text('Path of the new location.'),
    prefixRewrite: text('What stands in the new location for the prefix that matched.'),
    authority: text('Host of the new location.'),
    port: count('Port of the new location.'),
    derivePort: choice('Where the port of the new location comes from.', [
      'FROM_PROTOCOL_DEFAULT',
      'FROM_REQUEST_PORT',
    ]),
    scheme: text('Scheme of the new location.'),
    redirectCode: count('Status; 301 by default.'),
  },
  rules(atMostOne('port', 'derivePort')),
);

const directResponse = object(
  'Answer right here.',
  {
    status: count('Status of the answer.'),
    body: object(
      'Body of the answer.',
      { string: text('As text.'), bytes: text('As base64.', { format: 'byte' }) },
      { maxProperties: 1 },
    ),
  },
  { required: ['status'] },
);

const fault = object('Faults on purpose, for tests.', {
  delay: object(
    'Requests wait.',
    {
      fixedDelay: duration('How long.'),
      exponentialDelay: duration('How long on average.'),
      percent: int32('Share of the requests, in percent; percentage takes decimals.'),
      percentage: percent,
    },
    rules(atMostOne('fixedDelay', 'exponentialDelay')),
  ),
  abort: object(
    'Requests fail.',
    {
      httpStatus: int32('With this HTTP status.'),
      grpcStatus: text('With this gRPC status.'),
      http2Error: text('With this HTTP/2 error.'),
      percentage: percent,
    },
    rules(atMostOne('httpStatus', 'grpcStatus', 'http2Error')),
  ),
});

const corsPolicy = object('Requests of web pages of other origins.', {
  allowOrigin: texts('Origins; allowOrigins says more.'),
  allowOrigins: list('Origins that may ask.', stringMatch),
  allowMethods: texts('Methods that they may use.'),
  allowHeaders: texts('Headers that they may send.'),
  exposeHeaders: texts('Headers that they may read.'),
  maxAge: duration('How long the answer to a preflight holds.'),
  allowCredentials: flag('Whether they may send cookies.', { nullable: true }),
  unmatchedPreflights: choice('What is done with preflights of other origins.', ['UNSPECIFIED', 'FORWARD', 'IGNORE']),
});

const mirrorPercent: Schema = count('Share of the requests, in percent; mirrorPercentage takes decimals.', {
  nullable: true,
});

/** One entry of `http` of a VirtualService (behaviour.md 5.7). */
export const httpRoute = object('What is done with requests that match.', {
  name: text('Name, for statistics.'),
  match: list('Requests that this is for; one of them. Absent: all.', match),
  route: list(
    'Destinations, with their shares.',
    object(
      'One destination.',
      { destination, weight: int32('Share of the requests.'), headers },
      { required: ['destination'] },
    ),
  ),
  redirect,
  directResponse,
  delegate: object(
    'Another VirtualService says what is done.',
    {
      name: text('Its name.', { minLength: 1 }),
      namespace: text('Its namespace; the same by default.', {
        maxLength: 63,
        pattern: '^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
      }),
    },
    { required: ['name'] },
  ),
  rewrite: object('Changes of path and host before the request is sent on.', {
    uri: text('New path, or what stands for the prefix that matched.'),
    authority: text('New host.'),
    uriRegexRewrite: object('New path by an expression.', {
      match: text('An RE2 expression.'),
      rewrite: text('What stands for it; \\1 is the first group.'),
    }),
  }),
  timeout: duration('How long a request may take; 0s for no limit.'),
  retries: object('Requests that failed are sent again.', {
    attempts: int32('How many times.'),
    perTryTimeout: duration('How long each try may take.'),
    retryOn: text('Failures after which it is tried again.'),
    retryRemoteLocalities: flag('Whether other localities are tried.', { nullable: true }),
    retryIgnorePreviousHosts: flag('Whether endpoints that failed are left out.', { nullable: true }),
    backoff: duration('Time before the next try, at first.'),
  }),
  fault,
  mirror: { ...destination, description: 'Gets a copy of the requests; mirrors says more.' },
  mirrors: list(
    'Destinations that get a copy of the requests.',
    object('One destination.', { destination, percentage: percent }, { required: ['destination'] }),
  ),
  mirrorPercent,
  mirror_percent: { ...mirrorPercent, description: 'Another spelling of mirrorPercent.' },
  mirrorPercentage: percent,
  corsPolicy,
  headers,
});
