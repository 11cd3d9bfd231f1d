import { hostOrAddress, port, portSelector } from './common.ts';
import {
  atMostOne,
  choice,
  count,
  decimal,
  duration,
  flag,
  int32,
  list,
  map,
  object,
  type Rule,
  rule,
  rules,
  type Schema,
  text,
  texts,
  whole,
} from './schema.ts';
import { clientTls, listedClientTls } from './tls.ts';

/** Limits of the connections to a destination. */
export const connectionPool = object('Limits of connections and requests.', {
  tcp: object('Limits of TCP connections, HTTP included.', {
    maxConnections: int32('Connections at a time.'),
    connectTimeout: duration('How long connecting may take.'),
    tcpKeepalive: object('TCP keep-alive.', {
      probes: count('Probes without an answer until the connection is given up.'),
      time: duration('Idle time before the first probe.'),
      interval: duration('Time between probes.'),
    }),
    maxConnectionDuration: duration('How old a connection may get.'),
    idleTimeout: duration('How long a connection may be idle.'),
  }),
  http: object('Limits of HTTP requests.', {
    http1MaxPendingRequests: int32('Requests that wait for a connection.'),
    http2MaxRequests: int32('Requests at a time.'),
    maxRequestsPerConnection: int32('Requests on one connection.'),
    maxRetries: int32('Retries at a time.'),
    idleTimeout: duration('How long a connection may be without requests.'),
    h2UpgradePolicy: choice('Whether HTTP/1.1 is sent on as HTTP/2.', ['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE']),
    useClientProtocol: flag('Use the version of HTTP that the client used.'),
    maxConcurrentStreams: int32('Streams at a time on one HTTP/2 connection.'),
    http2KeepAlive: object('HTTP/2 keep-alive.', {
      interval: duration('Time between pings.'),
      timeout: duration('How long a ping may stay unanswered.'),
    }),
  }),
});

const failover = {
  enabled: flag('Whether locality counts.', { nullable: true }),
  failover: list(
    'Where load goes when a region has no healthy endpoint.',
    object('One way out.', {
      from: text('Region.'),
      to: text('Region.'),
    }),
  ),
  failoverPriority: texts('Labels by which endpoints are ranked.'),
};

const balancer = (hashRules: readonly Rule[]): Schema =>
  object(
    'How endpoints are chosen.',
    {
      simple: choice('A plain rule.', [
        'UNSPECIFIED',
        'LEAST_CONN',
        'RANDOM',
        'PASSTHROUGH',
        'ROUND_ROBIN',
        'LEAST_REQUEST',
      ]),
      consistentHash: object(
        'Requests alike go to the same endpoint.',
        {
          httpHeaderName: text('Hash of this header.'),
          httpCookie: object(
            'Hash of a cookie, which is set where it is missing.',
            {
              name: text('Name of the cookie.'),
              path: text('Path of the cookie.'),
              ttl: duration('Lifetime of the cookie.'),
              attributes: list(
                'Further attributes of the cookie.',
                object(
                  'One attribute.',
                  { name: text('Its name.'), value: text('Its value.') },
                  { required: ['name'] },
                ),
              ),
            },
            { required: ['name'] },
          ),
          useSourceIp: flag('Hash of the client address.'),
          httpQueryParameterName: text('Hash of this query parameter.'),
          minimumRingSize: whole('Another place for the size of the ring.', 0, Number.MAX_SAFE_INTEGER),
          ringHash: object('Ring hash.', {
            minimumRingSize: whole('Entries of the ring, at least.', 0, Number.MAX_SAFE_INTEGER),
          }),
          maglev: object('Maglev.', { tableSize: whole('Entries of the table.', 0, Number.MAX_SAFE_INTEGER) }),
        },
        rules(...hashRules, atMostOne('ringHash', 'maglev')),
      ),
      backendUtilization: object('By the load that endpoints report.', {
        errorUtilizationPenaltyPercent: count('How much errors count against an endpoint, in percent.'),
        metricNamesForComputingUtilization: texts('Metrics of the report that count.'),
        weightExpirationPeriod: duration('How long a report holds.'),
        weightStabilizationPeriod: duration('How long reports must come before they count.'),
        weightUpdatePeriod: duration('How often weights are computed.'),
      }),
      localityLbSetting: object('Load balancing by locality.', {
        distribute: list(
          'Shares of localities.',
          object('Shares for one origin.', {
            from: text('Locality of the client.'),
            to: map('Share of each locality, in percent.', count('Share.')),
          }),
        ),
        ...failover,
      }),
      zoneAwareLbSetting: object('Load balancing by zone.', {
        ...failover,
        minClusterSize: whole('Endpoints from which on zones count.', 1, 4_294_967_295, { nullable: true }),
      }),
      warmupDurationSecs: duration('How long new endpoints get less; warmup says more.'),
      warmup: object(
        'New endpoints get less at first.',
        {
          duration: duration('How long.'),
          minimumPercent: decimal('Share at the start, in percent.', { minimum: 0, maximum: 100, nullable: true }),
          aggression: decimal('How steeply the share grows.', { minimum: 0, nullable: true }),
        },
        { required: ['duration'] },
      ),
    },
    rules(atMostOne('simple', 'consistentHash', 'backendUtilization')),
  );

const nullable = { nullable: true };

const outlierDetection = object('Endpoints that fail are left out for a while.', {
  consecutiveErrors: int32('Another place for consecutive5xxErrors.'),
  splitExternalLocalOriginErrors: flag('Count errors of our own side apart.'),
  consecutiveLocalOriginFailures: count('Errors of our own side in a row.', nullable),
  consecutiveGatewayErrors: count('Gateway errors (502, 503, 504) in a row.', nullable),
  consecutive5xxErrors: count('5xx errors in a row.', nullable),
  interval: duration('Time between two looks.'),
  baseEjectionTime: duration('How long an endpoint is left out, times the number of times.'),
  maxEjectionPercent: int32('Endpoints that may be left out, in percent.'),
  minHealthPercent: int32('Healthy endpoints below which nothing is left out, in percent.'),
  failurePercentageThreshold: whole('Failures from which on an endpoint is left out, in percent.', 0, 100, nullable),
  outlierDetectionHttpErrorCodes: list('Statuses that count as errors.', whole('A status.', 100, 599)),
});

const keys = ['httpHeaderName', 'httpCookie', 'httpQueryParameterName'];
const oneKey = rule(
  `one of ${keys.join(', ')} must be set, or useSourceIp`,
  `${keys.map((key) => `(has(self.${key}) ? 1 : 0)`).join(' + ')} + (has(self.useSourceIp) && self.useSourceIp ? 1 : 0) == 1`,
);

type PortFields = Readonly<Record<string, Schema>>;
const portFields: PortFields = {
  loadBalancer: balancer([oneKey]),
  connectionPool,
  outlierDetection,
  tls: clientTls,
};
/** In a long list within a long list each rule counts: the webhook judges the rest. */
const listedPortFields: PortFields = { ...portFields, loadBalancer: balancer([]), tls: listedClientTls };

const policy = (fields: PortFields): Schema =>
  object('How traffic is sent.', {
    ...fields,
    portLevelSettings: list(
      'Settings of single ports; they replace all of the others.',
      object('Settings of one port.', { port: portSelector, ...fields }),
      { maxItems: 4096 },
    ),
    tunnel: object(
      'Traffic goes through a tunnel.',
      {
        protocol: choice('How the proxy is asked.', ['CONNECT', 'POST']),
        targetHost: hostOrAddress('Host at the end of the tunnel.'),
        targetPort: port('Port at the end of the tunnel.'),
      },
      { required: ['targetHost', 'targetPort'] },
    ),
    proxyProtocol: object('The PROXY protocol tells the destination who the client is.', {
      version: choice('Version of the protocol.', ['V1', 'V2']),
    }),
    retryBudget: object('Limit of retries, by the requests at a time.', {
      percent: decimal('Retries, in percent of the requests.', { minimum: 0, maximum: 100, nullable: true }),
      minRetryConcurrency: count('Retries that are always allowed.'),
      budgetInterval: duration('Time over which requests are counted.'),
    }),
  });

/** `trafficPolicy` of a DestinationRule. */
export const trafficPolicy = policy(portFields);

/** `trafficPolicy` of a subset: the same, with fewer rules. */
export const subsetTrafficPolicy = policy(listedPortFields);
