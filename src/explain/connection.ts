import type { Facts } from './rbac.ts';

/** What a server's filters know of a connection. */
export interface Connection extends Pick<Facts, 'peerNames' | 'destination' | 'peerAddress' | 'sni'> {
  readonly tls: boolean;
}

/** A connection's facts where nothing is known of a request. */
export function connectionFacts(connection: Connection, metadata: Facts['metadata']): Facts {
  const { peerNames, destination, peerAddress, sni } = connection;
  return { peerNames, destination, peerAddress, remoteAddress: peerAddress, sni, headers: new Map(), metadata };
}
