import type { Mesh } from './e2e-mesh.ts';
import type { MtlsScenario, Row, Seen } from './e2e-mtls.ts';
import type { Probe } from './e2e-probe.ts';
import { type Client, idOf, ports, world } from './e2e-world.ts';

/** One call, and what must come of it. */
export interface Cell {
  /** `sleep.foo over HTTP to server.foo` */
  readonly title: string;
  readonly client: Client;
  readonly server: string;
  readonly port: keyof typeof ports;
  readonly expected: string;
}

/** All cells of a scenario; those to a server in no mesh are the same under every policy. */
export function cellsOf(scenario: MtlsScenario): readonly Cell[] {
  const { http, tcp, sniffed, unnamed, other } = scenario;
  const never: Row = ['plain', 'plain', 'plain'];
  return [
    ...row(world.server, 'http', http),
    ...row(world.server, 'tcp', tcp),
    ...row(world.server, 'sniffed http', sniffed),
    ...row(world.server, 'sniffed tcp', sniffed),
    ...row(world.server, 'unnamed http', unnamed),
    ...row(world.server, 'unnamed tcp', unnamed),
    ...row(world.other, 'http', other),
    ...row(world.bare, 'http', never),
    ...row(world.bare, 'tcp', never),
  ];
}

function row(server: string, port: keyof typeof ports, seen: Row): readonly Cell[] {
  return world.clients.map((client, index) => ({
    title: `${client} over ${port} to ${server}`,
    client,
    server,
    port,
    expected: isHttp(port) ? httpWords(client, server, port, seen[index] ?? 'plain') : tcpWords(seen[index] ?? 'plain'),
  }));
}

const isHttp = (port: string): boolean => port.endsWith('http');

/** What is left of a reset that passed through the client's sidecar: an older Envoy ends the connection in order. */
const nothing = 'gets nothing, curl exit 52 or 56';

function httpWords(client: Client, server: string, port: keyof typeof ports, seen: Seen): string {
  switch (seen) {
    case 'mtls':
      return `gets 200 as ${idOf(client)} by ${idOf(server)}`;
    case 'plain':
      return 'gets 200 in plaintext';
    case 'reset':
      return 'gets nothing, curl exit 56';
    case 'refused':
      // Only a sidecar that reads HTTP can answer 503.
      return ports[port].port === undefined ? nothing : 'gets 503';
  }
}

function tcpWords(seen: Seen): string {
  switch (seen) {
    case 'mtls':
      return 'is heard over mTLS';
    case 'plain':
      return 'is heard in plaintext';
    case 'reset':
    case 'refused':
      return 'is cut off';
  }
}

/** Makes the calls of these cells; by title, in the words of the expectations. */
export async function probeCells(mesh: Mesh, cells: readonly Cell[]): Promise<ReadonlyMap<string, string>> {
  const http = cells.filter((cell) => isHttp(cell.port));
  // The first call may go over a connection that the client's sidecar kept from before; Envoy, told to drain at once, asks
  // to close it with the answer. The second meets what holds now.
  await Promise.all(http.filter(({ client }) => client !== 'sleep.legacy').map((cell) => callHttp(mesh, cell)));
  const seen = new Map(await Promise.all(http.map(async (cell) => [cell.title, await callHttp(mesh, cell)] as const)));
  // One after the other: what a call adds to the server's count of handshakes tells whether it used TLS.
  for (const cell of cells) {
    if (!isHttp(cell.port)) seen.set(cell.title, await callTcp(mesh, cell));
  }
  return seen;
}

function target(mesh: Mesh, { server, port }: Cell): { readonly host: string; readonly port: number } {
  const { target: number, port: named } = ports[port];
  return named === undefined ? { host: mesh.sandbox.pod(server).ip, port: number } : { host: server, port: named };
}

/** Claimed by every client: only a sidecar's own word may reach a server in the mesh. */
const forged = 'By=spiffe://cluster.local/ns/foo/sa/forged;URI=spiffe://cluster.local/ns/foo/sa/forged';

async function callHttp(mesh: Mesh, cell: Cell): Promise<string> {
  const { host, port } = target(mesh, cell);
  const { exit, status, body } = await mesh.probe(cell.client).ask('curl', {
    args: [
      ...(cell.server === world.bare ? [] : ['-H', `x-forwarded-client-cert: ${forged}`]),
      `http://${host}:${port}/`,
    ],
  });
  if (cell.client !== 'sleep.legacy' && (exit === 52 || exit === 56)) return nothing;
  if (exit !== 0) return `gets nothing, curl exit ${exit}`;
  if (status !== 200) return `gets ${status}`;
  const { headers }: { headers: Readonly<Record<string, string>> } = JSON.parse(body);
  const certificate = headers['x-forwarded-client-cert'];
  if (certificate === undefined) return 'gets 200 in plaintext';
  const { URI, By, ...rest } = Object.fromEntries(certificate.split(';').map((pair) => pair.split('=', 2)));
  const others = Object.keys(rest).filter((key) => key !== 'Hash' && key !== 'Subject');
  return `gets 200 as ${URI} by ${By}${others.length === 0 ? '' : ` with ${others.join(', ')}`}`;
}

async function callTcp(mesh: Mesh, cell: Cell): Promise<string> {
  const server = cell.server === world.bare ? undefined : mesh.probe(cell.server);
  const earlier = await handshakes(server);
  const answer = await mesh.probe(cell.client).ask('tcp', { ...target(mesh, cell), say: 'over the wire\n' });
  if ('error' in answer) return answer.error === 'timeout' ? 'waits in vain' : 'is cut off';
  if (answer.reply !== 'heard over the wire\n') return `gets ${JSON.stringify(answer.reply)}`;
  return (await handshakes(server)) > earlier ? 'is heard over mTLS' : 'is heard in plaintext';
}

/** How many TLS connections the server's sidecar has accepted so far. */
async function handshakes(server: Probe | undefined): Promise<number> {
  if (server === undefined) return 0;
  const stats = await server.stats('^listener\\.0\\.0\\.0\\.0_15006\\.ssl\\.handshake$');
  return Object.values(stats)[0] ?? 0;
}
