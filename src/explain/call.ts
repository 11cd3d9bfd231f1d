import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Client } from './client.ts';
import type { Sent } from './compiled.ts';
import type { EnvoyBehaviour } from './envoy-version.ts';
import type { Question } from './question.ts';
import type { Destination, Server } from './server.ts';
import type { World } from './world.ts';

/** One server of a call, and everything around it. */
export interface Call extends World {
  readonly snapshot: Snapshot;
  readonly behaviour: EnvoyBehaviour;
  readonly client: Client;
  readonly destination: Destination;
  readonly question: Question;
  /** What the client's Envoy was sent; undefined without one. */
  readonly sent: Sent | undefined;
  readonly server: Server;
}
