import type { Protocol } from '../../model/service.ts';

/** What the protocol of a Service port is told from. */
export interface PortDeclaration {
  readonly name: string;
  readonly appProtocol: string | undefined;
  readonly port: number;
  /** TCP, UDP or SCTP. */
  readonly transport: string;
}

const wellKnown: Readonly<Record<string, Protocol>> = {
  'kubernetes.io/h2c': 'http2',
  'kubernetes.io/ws': 'http',
  'kubernetes.io/wss': 'tls',
};

const byWord: Readonly<Record<string, Protocol>> = {
  http: 'http',
  http2: 'http2',
  grpc: 'grpc',
  https: 'tls',
  tls: 'tls',
  tcp: 'tcp',
  mongo: 'tcp',
  mysql: 'tcp',
  redis: 'tcp',
};

/** Servers that speak first: sniffing would wait for a client that never speaks. */
const serverFirstPorts: readonly number[] = [25, 53, 3306, 27_017];

/**
 * The protocol of a Service port: appProtocol if set, else the word before the first "-" of its name (behaviour.md 3.3).
 * Undefined: not carried by the mesh (UDP, SCTP).
 */
export function portProtocol({ name, appProtocol, port, transport }: PortDeclaration): Protocol | undefined {
  if (transport !== 'TCP') return undefined;
  const declared = (appProtocol ?? name).toLowerCase();
  const standard = lookup(wellKnown, declared);
  if (standard !== undefined) return standard;
  if (declared.startsWith('grpc-web')) return 'http';
  const word = declared.split('-', 1)[0] ?? '';
  if (word === 'udp') return undefined;
  return lookup(byWord, word) ?? (serverFirstPorts.includes(port) ? 'tcp' : 'auto');
}

function lookup(table: Readonly<Record<string, Protocol>>, key: string): Protocol | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
