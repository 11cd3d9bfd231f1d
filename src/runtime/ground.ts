import type { Metrics } from '../admin/metrics.ts';
import type { Authority } from '../ca/authority.ts';
import type { JoinKeys } from '../ca/join-keys.ts';
import type { ServingCertificate } from '../ca/serving.ts';
import type { ConfigSource } from '../config/source.ts';
import type { Listeners } from '../lib/listeners.ts';
import type { Redacted } from '../lib/redacted.ts';
import type { Finding } from '../model/finding.ts';
import type { Mesh } from '../model/mesh.ts';
import type { Store } from '../snapshot/store.ts';
import type { Compiler } from '../translate/compiler.ts';
import type { Peer } from '../xds/provider.ts';
import type { XdsServer } from '../xds/server-types.ts';

/** Mesh settings, and what is wrong with them. */
export interface MeshState {
  readonly mesh: Mesh;
  readonly findings: readonly Finding[];
}

/** A control plane that serves, as far as its ground needs to know it. */
export interface Running {
  readonly store: Store;
  readonly compiler: Compiler;
  readonly xds: XdsServer;
  readonly serving: ServingCertificate;
  /** All findings, of whatever origin. */
  readonly findings: () => readonly Finding[];
  /** Told after each change of configuration or of mesh settings. */
  readonly changed: Listeners;
  /** Told after each change of mesh settings. */
  readonly meshChanged: Listeners;
  /** Told, often, when what some proxy holds may be another thing. */
  readonly moved: Listeners;
  /** Told when the serving certificate is another one. */
  readonly rotated: Listeners;
  readonly metrics: Metrics;
}

/** What a ground has started. */
export interface Duties extends AsyncDisposable {
  /** Whether this replica leads. */
  readonly leading: boolean;
}

/**
 * What a control plane stands on: a directory, or a cluster. It decides where configuration, mesh settings and the CA's key
 * come from, and who can prove what; the rest of the program is the same on both.
 */
export interface Ground extends AsyncDisposable {
  /** For people: the directory, or the server. */
  readonly name: string;
  readonly source: ConfigSource;
  readonly authority: Authority;
  readonly joinKeys: JoinKeys | undefined;
  /** Asks whom a bearer token proves that isn't ours; `undefined` where there is nobody to ask. */
  readonly reviewToken: ((token: Redacted<string>) => Promise<Peer>) | undefined;
  /** The settings that held when it was opened. */
  readonly initial: MeshState;
  /** What the control plane is called: DNS names of its certificate. */
  readonly servingNames: readonly string[];
  /** What is still missing from the first whole set of configuration, for people; '' for nothing in particular. */
  readonly missing: () => string;
  /** How long that may take before it is an error, ms; a large cluster takes its time, a directory doesn't. */
  readonly firstSyncMs: number;
  /** How long it says "not ready" before it lets go of anybody, so that nobody new is sent here meanwhile; ms. */
  readonly leaveMs: number;
  /** How long it takes to let go of its streams one by one; ms. */
  readonly drainMs: number;
  /** Follows mesh settings; `current` is what holds now. Findings may change while settings stay the same object. */
  followMesh(current: () => Mesh, changed: (next: MeshState) => void): Disposable;
  /** Starts what needs a running control plane. */
  start(running: Running): Promise<Duties>;
}
