import type { Credentials } from './e2e-certificates.ts';
import type { Mesh } from './e2e-mesh.ts';
import { meshMode, type PolicyObject } from './e2e-policies.ts';
import { ports } from './e2e-world.ts';

/** What a TLS client outside the mesh brings. */
export const tlsClients = {
  'without a certificate': { certificate: undefined, alpn: undefined },
  'without a certificate, saying the mesh’s ALPN': { certificate: undefined, alpn: 'istio' },
  'with a certificate of another root': { certificate: 'foreign', alpn: undefined },
  'with a certificate of another root, saying the mesh’s ALPN': { certificate: 'foreign', alpn: 'istio' },
  'with a certificate of the mesh': { certificate: 'mesh', alpn: undefined },
  'with a certificate of the mesh, saying the mesh’s ALPN': { certificate: 'mesh', alpn: 'istio' },
} as const;

export type TlsClient = keyof typeof tlsClients;

export type TlsVerdict =
  | 'is answered by the sidecar’s TLS'
  | 'is answered by the app’s own TLS'
  | 'is refused: handshake failure'
  | 'is refused: unknown authority'
  | 'is cut off'
  | 'meets plaintext';

/** One mode: for each client what it gets on an HTTP port, a TCP port, and a port whose app speaks TLS itself. */
export interface TlsTable {
  readonly name: string;
  readonly policies: readonly PolicyObject[];
  readonly rows: Readonly<Record<TlsClient, readonly [TlsVerdict, TlsVerdict, TlsVerdict]>>;
}

const heard = 'is answered by the sidecar’s TLS';
const app = 'is answered by the app’s own TLS';
const nobody = 'is refused: handshake failure';
const unknown = 'is refused: unknown authority';
const cut = 'is cut off';
const plain = 'meets plaintext';

/** behaviour.md A.2, the lines of clients without a sidecar. */
export const tlsTables: readonly TlsTable[] = [
  {
    name: 'mesh STRICT',
    policies: [meshMode('STRICT')],
    rows: {
      'without a certificate': [nobody, nobody, nobody],
      'without a certificate, saying the mesh’s ALPN': [nobody, nobody, nobody],
      'with a certificate of another root': [unknown, unknown, unknown],
      'with a certificate of another root, saying the mesh’s ALPN': [unknown, unknown, unknown],
      'with a certificate of the mesh': [heard, heard, cut],
      'with a certificate of the mesh, saying the mesh’s ALPN': [heard, heard, cut],
    },
  },
  {
    name: 'mesh PERMISSIVE',
    policies: [meshMode('PERMISSIVE')],
    rows: {
      'without a certificate': [cut, plain, app],
      'without a certificate, saying the mesh’s ALPN': [nobody, nobody, nobody],
      'with a certificate of another root': [cut, plain, app],
      'with a certificate of another root, saying the mesh’s ALPN': [unknown, unknown, unknown],
      'with a certificate of the mesh': [cut, plain, app],
      'with a certificate of the mesh, saying the mesh’s ALPN': [heard, heard, cut],
    },
  },
  {
    name: 'mesh DISABLE',
    policies: [meshMode('DISABLE')],
    rows: {
      'without a certificate': [plain, plain, app],
      'without a certificate, saying the mesh’s ALPN': [plain, plain, app],
      'with a certificate of another root': [plain, plain, app],
      'with a certificate of another root, saying the mesh’s ALPN': [plain, plain, app],
      'with a certificate of the mesh': [plain, plain, app],
      'with a certificate of the mesh, saying the mesh’s ALPN': [plain, plain, app],
    },
  },
];

const columns = ['http', 'tcp', 'own tls'] as const;

export interface TlsCell {
  readonly title: string;
  readonly client: TlsClient;
  readonly port: (typeof columns)[number];
  readonly expected: TlsVerdict;
}

export function tlsCells(table: TlsTable): readonly TlsCell[] {
  return Object.entries(table.rows).flatMap(([name, row]) =>
    columns.map((port, index) => {
      const client = name as TlsClient; // keys of a record over TlsClient
      return { title: `TLS ${client}, to ${port}`, client, port, expected: row[index] ?? cut };
    }),
  );
}

/** Makes one call from the pod without a sidecar. */
export async function callTls(
  mesh: Mesh,
  { client, port }: TlsCell,
  certificates: Readonly<Record<'foreign' | 'mesh', Credentials>>,
): Promise<TlsVerdict | string> {
  const { certificate, alpn } = tlsClients[client];
  const answer = await mesh.probe('sleep.legacy').ask('tls', {
    host: 'server.foo',
    port: ports[port].port,
    say: port === 'http' ? 'GET / HTTP/1.1\r\nhost: server.foo\r\n\r\n' : 'over TLS\n',
    // The alerts of TLS 1.3 come after the client believes that it is connected, and race with its first bytes.
    version: 'TLSv1.2',
    ...(certificate === undefined ? {} : certificates[certificate]),
    ...(alpn === undefined ? {} : { alpn: [alpn] }),
  });
  if ('error' in answer) return errorWords[answer.error] ?? answer.error;
  const proper = port === 'http' ? answer.reply.startsWith('HTTP/1.1 200') : answer.reply === 'heard over TLS\n';
  if (!proper) return answer.reply;
  return answer.names.includes('URI:spiffe://cluster.local/ns/foo/sa/server') ? heard : app;
}

const errorWords: Readonly<Record<string, TlsVerdict>> = {
  reset: cut,
  closed: cut,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: nobody,
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': nobody,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: unknown,
  ERR_SSL_WRONG_VERSION_NUMBER: plain,
};
