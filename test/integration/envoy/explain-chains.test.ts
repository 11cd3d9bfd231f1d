import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type envoy, toJson } from '@envoyproxy/protos';
import { expect } from 'chai';
import { type Arrival, chooseChain } from '../../../src/explain/filter-chain.ts';
import type { Protocol } from '../../../src/model/service.ts';
import { compiled, listenerOf } from '../../support/compiled.ts';
import { logPath, startEnvoy, testedEnvoys } from '../../support/explain-envoy.ts';
import { freePorts } from '../../support/free-ports.ts';
import { peerAuthentication, pod, service, sidecar } from '../../support/objects.ts';
import { createTestCa, type Leaf, type TestCa } from '../../support/rbac-certificates.ts';

type Listener = envoy.config.listener.v3.Listener;

const modes = ['STRICT', 'PERMISSIVE', 'DISABLE'] as const;
const protocols = ['http', 'tcp', 'auto'] as const;
const meshAlpn = ['istio', 'istio-http/1.1', 'istio-h2', 'istio-peer-exchange'];
const greetings: readonly Omit<Arrival, 'port'>[] = [
  { bytes: 'http', alpn: [] },
  { bytes: 'http2', alpn: [] },
  { bytes: 'other', alpn: [] },
  { bytes: 'tls', alpn: [] },
  { bytes: 'tls', alpn: ['h2', 'http/1.1'] },
  ...meshAlpn.map((each) => ({ bytes: 'tls', alpn: [each] }) as const),
  { bytes: 'tls', alpn: ['istio-h2', 'h2'] },
  { bytes: 'tls', alpn: ['h2', 'istio'] },
];
const firstBytes = {
  http: 'GET / HTTP/1.1\r\nhost: a\r\n\r\n',
  http2: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  other: 'hello, is anybody there? this is longer than any greeting\n',
} as const;

describe('the filter chain that explain chooses', () => {
  let ca: TestCa;
  let leaf: Leaf;

  before(async () => {
    ca = await createTestCa();
    leaf = await ca.issue([{ type: 'url', value: 'spiffe://cluster.local/ns/foo/sa/sleep' }]);
  });

  for (const [envoy, mode] of testedEnvoys.flatMap((each) => modes.map((one) => [each, one] as const))) {
    it(`is the one that Envoy ${envoy.version} chooses, in a workload that is ${mode}`, async () => {
      const ports = await freePorts(protocols.length * 2 + 1);
      const listener = compiledInbound(mode, ports);
      await using running = await startEnvoy(
        envoy,
        { static_resources: { listeners: ports.map((port) => reachable(listener, port, leaf, ca.certificate)) } },
        ports.map((port) => ['127.0.0.1', port] as const),
      );
      const calls: { readonly what: string; readonly expected: string; readonly connection: string }[] = [];
      for (const port of ports) {
        for (const greeting of greetings) {
          const expected = chooseChain(listener, { port, ...greeting })?.name ?? '-';
          const what = `${port} ${greeting.bytes} ${greeting.alpn.join()}`;
          calls.push({ what, expected, connection: `${await greet(port, greeting, leaf)}:${port}` });
        }
      }
      const probes = ports.length;
      const lines = await running.lines(calls.length + probes);
      const chosen = new Map(lines.map((line) => line.split(' ')).map(([from = '', chain = '']) => [from, chain]));
      expect(calls.map(({ what, connection }) => `${what}: ${chosen.get(connection)}`)).to.deep.equal(
        calls.map(({ what, expected }) => `${what}: ${expected}`),
      );
      expect(new Set(calls.map(({ expected }) => expected)).size, 'different chains').to.be.greaterThan(5);
    });
  }
});

/** Says something to a port, waits for what comes of it, and tells from which port of ours that was. */
async function greet(
  port: number,
  { bytes, alpn }: Omit<Arrival, 'port'>,
  { certificate, key }: Leaf,
): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  // However it ends: what counts stands in Envoy's log.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const from = socket.localPort ?? 0;
  const ended = new Promise<void>((done) => socket.once('close', () => done()));
  if (bytes === 'tls') {
    const protocols = alpn.length > 0 ? { ALPNProtocols: [...alpn] } : {};
    const tls = connectTls({ socket, cert: certificate, key, rejectUnauthorized: false, ...protocols });
    tls.on('error', () => socket.destroy());
    tls.on('secureConnect', () => tls.destroy());
  } else {
    socket.write(firstBytes[bytes]);
    socket.resume();
  }
  await ended;
  return from;
}

/** Ports of all protocols: half of them in the mode of the workload, half with one of their own; the last is nobody's. */
function compiledInbound(mode: (typeof modes)[number], ports: readonly number[]): Listener {
  const other = mode === 'STRICT' ? 'DISABLE' : 'STRICT';
  const own = ports.slice(protocols.length, protocols.length * 2);
  const server = pod('foo', 'web-1', '10.0.0.1', { labels: { app: 'web' } });
  const named = ports.slice(0, -1).map((port, i) => [port, port, protocolAt(i)] as const);
  const objects = [
    server,
    service('foo', 'web', named),
    peerAuthentication('foo', 'web', mode, {
      labels: { app: 'web' },
      ports: own.map((port) => [port, other] as const),
    }),
  ];
  const { resources } = compiled(objects, sidecar(server));
  const found = resources.find(({ name }) => name === 'virtualInbound');
  if (found === undefined) throw new Error('no virtualInbound');
  return listenerOf(found);
}

function protocolAt(index: number): Protocol {
  return protocols[index % protocols.length] ?? 'auto';
}

/** The compiled listener where a test can reach it: its chains and what chooses them are untouched, what they do is to say their names. */
function reachable(listener: Listener, port: number, { certificate, key }: Leaf, ca: string): object {
  const json: { readonly filter_chains?: readonly Chain[]; readonly listener_filters?: readonly { name: string }[] } =
    Object(toJson('envoy.config.listener.v3.Listener', listener, { protoNames: true }));
  const tls = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    common_tls_context: {
      tls_certificates: [{ certificate_chain: { inline_string: certificate }, private_key: { inline_string: key } }],
      validation_context: { trusted_ca: { inline_string: ca } },
    },
  };
  return {
    ...json,
    name: `reachable-${port}`,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    listener_filters: (json.listener_filters ?? []).filter(
      ({ name }) => name !== 'envoy.filters.listener.original_dst',
    ),
    access_log: [
      {
        name: 'file',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
          path: logPath,
          log_format: {
            text_format_source: {
              inline_string: '%DOWNSTREAM_REMOTE_PORT%:%DOWNSTREAM_LOCAL_PORT% %FILTER_CHAIN_NAME%\n',
            },
          },
        },
      },
    ],
    filter_chains: (json.filter_chains ?? []).map((chain) => ({
      ...chain,
      ...(chain.transport_socket !== undefined && {
        transport_socket: { ...chain.transport_socket, typed_config: tls },
      }),
      filters: [
        {
          name: 'says-its-name',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config',
            response: { inline_string: chain.name },
          },
        },
      ],
    })),
  };
}

interface Chain {
  readonly name: string;
  readonly transport_socket?: object;
}
