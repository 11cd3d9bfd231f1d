import fc from 'fast-check';

const port = fc.integer({ min: 1, max: 65_535 });
const anyPort = fc.oneof(port, fc.constantFrom('http', 'grpc', 'nowhere', '8080'));
const path = fc.oneof(fc.constantFrom('/', 'ready', '/ready?x=$(Y)', '/%25'), fc.string());
const optional = { requiredKeys: [] };

const handler = fc.oneof(
  fc.record({
    httpGet: fc.record(
      { path, port: anyPort, scheme: fc.constantFrom('HTTP', 'HTTPS'), host: fc.constantFrom('', 'example.com') },
      { requiredKeys: ['port'] },
    ),
  }),
  fc.record({ tcpSocket: fc.record({ port: anyPort }) }),
  fc.record({ grpc: fc.record({ port, service: fc.string() }, { requiredKeys: ['port'] }) }),
  fc.record({ exec: fc.record({ command: fc.array(fc.string()) }) }),
);
const probe = fc
  .tuple(
    handler,
    fc.record(
      { timeoutSeconds: fc.integer({ min: 1, max: 30 }), periodSeconds: fc.integer({ min: 1, max: 30 }) },
      optional,
    ),
  )
  .map(([asked, pace]) => ({ ...pace, ...asked }));

const container = (name: string) =>
  fc.record(
    {
      name: fc.constant(name),
      image: fc.string(),
      ports: fc.array(fc.record({ name: fc.constantFrom('http', 'grpc'), containerPort: port })),
      readinessProbe: probe,
      livenessProbe: probe,
      startupProbe: probe,
      lifecycle: fc.record({ postStart: handler, preStop: handler }, optional),
      securityContext: fc.record({ runAsUser: fc.constantFrom(0, 1337) }),
    },
    { requiredKeys: ['name'] },
  );

const annotations = fc.record(
  {
    note: fc.string(),
    'sidecar.istio.io/inject': fc.constantFrom('true', 'false', 'x'),
    'sidecar.istio.io/interceptionMode': fc.constantFrom('REDIRECT', 'NONE', 'TPROXY'),
    'sidecar.istio.io/rewriteAppHTTPProbers': fc.constantFrom('true', 'false'),
    'sidecar.istio.io/status': fc.oneof(fc.string(), fc.json()),
    'traffic.sidecar.istio.io/includeInboundPorts': fc.constantFrom('*', '', '80'),
    'istio.io/rev': fc.constant('default'),
    'inject.istio.io/templates': fc.constantFrom('gateway', 'sidecar', 'waypoint'),
  },
  optional,
);

/** Pods that an API server may be given, good and bad, some of them injected before by somebody. */
export const anyPod = fc.record(
  {
    metadata: fc.record({ name: fc.string(), labels: fc.dictionary(fc.string(), fc.string()), annotations }, optional),
    spec: fc.record(
      {
        containers: fc.oneof(fc.tuple(container('web')), fc.tuple(container('web'), container('log'))),
        initContainers: fc.oneof(fc.constant([]), fc.tuple(container('setup'))),
        volumes: fc.array(fc.record({ name: fc.constantFrom('data', 'config') }), { maxLength: 2 }),
        restartPolicy: fc.constantFrom('Always', 'Never'),
        hostNetwork: fc.boolean(),
      },
      { requiredKeys: ['containers'] },
    ),
  },
  { requiredKeys: ['spec'] },
);
