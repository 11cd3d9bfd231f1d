import type { ControlRequest, SandboxStatus } from './protocol.ts';

/** All that runs in one sandbox, and what can be done to it: with a Kubernetes API behind it, or without. */
export interface Backend {
  /** Brings everything up. */
  start(): Promise<void>;
  /** Does what was asked, and gives the state after that. */
  handle(request: ControlRequest): Promise<SandboxStatus>;
  /** The log that may explain why the start failed. */
  suspectLog(thrown: unknown): string | undefined;
}
