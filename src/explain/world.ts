import type { Compiler } from '../translate/compiler.ts';

/** What an answer needs beside the question. */
export interface World {
  /** The compiled configuration of all proxies: of files, or of a control plane that runs. */
  readonly compiler: Pick<Compiler, 'attach' | 'snapshot'>;
  /** Seconds since the epoch. */
  readonly now: number;
  /** Offline nobody fetches keys: a token that a question states is then good without them. */
  readonly keysAssumed?: boolean;
  /** Version of a proxy's Envoy, by `POD.NS`; the current one where it isn't known. */
  readonly envoy?: (proxy: string) => string | undefined;
}
