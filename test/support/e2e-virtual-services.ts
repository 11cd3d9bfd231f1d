import { hostOf } from './e2e-destination-rules.ts';
import type { PolicyObject } from './e2e-policies.ts';

/** A VirtualService for the sidecars of a mesh as a document; `spec` as in YAML, without its hosts. */
export function virtualService(
  name: string,
  hosts: readonly string[],
  spec: Readonly<Record<string, unknown>>,
): PolicyObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: 'foo' },
    spec: { hosts, ...spec },
  };
}

const to = (service: string) => [{ destination: { host: hostOf(service) } }];
const server = to('server.foo');
const other = to('other.foo');

/** A call over HTTP to `server.foo`, and what the client hears of it. */
export interface RoutedCall {
  readonly from: 'sleep.foo' | 'sleep.bar';
  readonly path: string;
  readonly host?: string;
  readonly answer: string;
}

export interface RouteCase {
  readonly name: string;
  readonly services: readonly PolicyObject[];
  readonly calls: readonly RoutedCall[];
}

const by = (client: string, pod: string): string => `200 as ${client} by ${pod}`;

/** What VirtualServices do to calls of sidecars (behaviour.md 5.7). */
export const routeCases: readonly RouteCase[] = [
  {
    name: 'a path goes elsewhere, and the rest where it was meant to',
    services: [
      virtualService('paths', ['server'], {
        http: [{ match: [{ uri: { prefix: '/other' } }], route: other }, { route: server }],
      }),
    ],
    calls: [
      { from: 'sleep.foo', path: '/other/1', answer: by('sleep.foo', 'other.foo') },
      { from: 'sleep.bar', path: '/other/1', answer: by('sleep.bar', 'other.foo') },
      { from: 'sleep.foo', path: '/', answer: by('sleep.foo', 'server.foo') },
    ],
  },
  {
    name: 'without a route for a path, there is none',
    services: [
      virtualService('only', [hostOf('server.foo')], {
        http: [{ match: [{ uri: { exact: '/one' } }], route: server }],
      }),
    ],
    calls: [
      { from: 'sleep.foo', path: '/one', answer: by('sleep.foo', 'server.foo') },
      { from: 'sleep.foo', path: '/two', answer: '404' },
    ],
  },
  {
    name: 'clients of one namespace are answered by their own sidecar',
    services: [
      virtualService('namespaces', ['server'], {
        http: [{ match: [{ sourceNamespace: 'bar' }], directResponse: { status: 418 } }, { route: server }],
      }),
    ],
    calls: [
      { from: 'sleep.foo', path: '/', answer: by('sleep.foo', 'server.foo') },
      { from: 'sleep.bar', path: '/', answer: '418' },
    ],
  },
  {
    name: 'what is not exported holds for its own namespace alone',
    services: [virtualService('own', ['server'], { exportTo: ['.'], http: [{ redirect: { uri: '/there' } }] })],
    calls: [
      { from: 'sleep.foo', path: '/', answer: '301' },
      { from: 'sleep.bar', path: '/', answer: by('sleep.bar', 'server.foo') },
    ],
  },
  {
    name: 'a destination that nobody has is answered 503',
    services: [virtualService('nowhere', ['server'], { http: [{ route: to('nowhere.foo') }] })],
    calls: [{ from: 'sleep.foo', path: '/', answer: '503' }],
  },
  {
    name: 'a name that no service has leads where its routes say, on port 80',
    services: [virtualService('made-up', ['api.example'], { http: [{ route: server }] })],
    calls: [
      { from: 'sleep.foo', path: '/', host: 'api.example', answer: by('sleep.foo', 'server.foo') },
      { from: 'sleep.foo', path: '/', answer: by('sleep.foo', 'server.foo') },
    ],
  },
  {
    name: 'a fault ends the requests that it is for',
    services: [
      virtualService('fault', ['server'], {
        http: [
          {
            match: [{ uri: { prefix: '/broken' } }],
            fault: { abort: { httpStatus: 500, percentage: { value: 100 } } },
            route: server,
          },
          { route: server },
        ],
      }),
    ],
    calls: [
      { from: 'sleep.foo', path: '/broken', answer: '500' },
      { from: 'sleep.foo', path: '/', answer: by('sleep.foo', 'server.foo') },
    ],
  },
  {
    name: 'a delegate has the routes below a path of its root',
    services: [
      virtualService('root', ['server'], {
        http: [
          { match: [{ uri: { prefix: '/team' } }], delegate: { name: 'team', namespace: 'foo' } },
          { route: server },
        ],
      }),
      {
        ...virtualService('team', [], {}),
        spec: { http: [{ match: [{ uri: { prefix: '/team/a' } }], directResponse: { status: 202 } }] },
      },
    ],
    calls: [
      { from: 'sleep.foo', path: '/team/a', answer: '202' },
      { from: 'sleep.foo', path: '/team/b', answer: by('sleep.foo', 'server.foo') },
    ],
  },
];

/** TCP and TLS of an application's own go to another server, which must have been meant. */
export const connectionRoutes: readonly PolicyObject[] = [
  virtualService('connections', ['server', 'other.example'], {
    tcp: [{ match: [{ port: 9000 }], route: [{ destination: { host: hostOf('other.foo'), port: { number: 9000 } } }] }],
    tls: [
      {
        match: [{ port: 9443, sniHosts: ['other.example'] }],
        route: [{ destination: { host: hostOf('other.foo'), port: { number: 9443 } } }],
      },
    ],
  }),
];
