import type { MeshErrorCode } from '../lib/errors.ts';
import type { Plan } from './plan.ts';
import type { ServiceSpec } from './pod-plan.ts';

/** How the control plane of a sandbox is run; `none` leaves sidecars to the configurations that were handed in. */
export type ControlPlaneSpec =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'serve';
      /** Command line up to `serve`. */
      readonly command: readonly string[];
      /** Flags added to those that the sandbox needs. */
      readonly flags: readonly string[];
    };

/** What names are made of in this mesh. */
export interface MeshNames {
  readonly trustDomain: string;
  readonly dnsDomain: string;
  readonly rootNamespace: string;
}

/** What the process inside gets to know, as one line on its standard input. */
export interface SupervisorSettings {
  readonly name: string;
  readonly runDir: string;
  readonly example: string;
  readonly plan: Plan;
  readonly mesh: MeshNames;
  readonly node: string;
  readonly path: string;
  readonly envoy: string | undefined;
  readonly envoyFlags: readonly string[];
  /** By `<pod>.<namespace>`: a whole Envoy configuration, instead of one that the control plane serves. */
  readonly envoyConfigs: Readonly<Record<string, string>>;
  /** By `<pod>.<namespace>`: the user that its Envoy runs as (envoy-users.ts). */
  readonly envoyUids: Readonly<Record<string, number>>;
  /** Folders that are searched for `<command>.ts`, first match wins. */
  readonly appDirs: readonly string[];
  /** A folder of the user's, used as live configuration and kept; else one that vanishes with the sandbox. */
  readonly configDir: string | undefined;
  readonly controlPlane: ControlPlaneSpec;
}

/** A step of the start, told when it is done. */
export interface StepTiming {
  readonly step: string;
  /** Since the process inside began. */
  readonly atMs: number;
}

/** Lines that the process inside writes while it starts. */
export type StartEvent =
  | ({ readonly event: 'progress' } & StepTiming)
  | { readonly event: 'ready'; readonly timings: readonly StepTiming[] }
  | {
      readonly event: 'failed';
      readonly code: MeshErrorCode;
      readonly message: string;
      readonly hint: string;
      readonly log: string;
    };

/** A pod as `status` shows it, and as the host needs it to enter the pod. */
export interface PodStatus {
  readonly name: string;
  readonly namespace: string;
  readonly workload: string;
  readonly ip: string;
  readonly serviceAccount: string;
  readonly injected: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Process that holds its namespaces, as numbered inside the sandbox. */
  readonly pid: number;
  /** The node's end of its cable: what to capture on. */
  readonly cable: string;
  readonly app: ProcessStatus;
  readonly envoy: ProcessStatus;
}

/** `none`: the pod has no such process; `down`: it ended, and is being started again unless it was stopped. */
export type ProcessStatus = 'none' | 'running' | 'down';

/** The state of a sandbox: the answer to every request. */
export interface SandboxStatus {
  readonly name: string;
  readonly example: string;
  readonly configDir: string;
  readonly controlPlane: ProcessStatus;
  readonly pods: readonly PodStatus[];
  readonly services: readonly ServiceSpec[];
}

/** A change of one file of the live configuration, with what the sandbox itself must do about it. */
export type ConfigChange =
  | { readonly kind: 'write'; readonly file: string; readonly text: string; readonly service?: ServiceSpec }
  | {
      readonly kind: 'remove';
      readonly file: string;
      readonly service?: { readonly name: string; readonly namespace: string };
    };

/** What the host can ask of a running sandbox. */
export type ControlRequest =
  | { readonly op: 'status' }
  | { readonly op: 'config'; readonly changes: readonly ConfigChange[] }
  | { readonly op: 'stop-envoy'; readonly pod: string; readonly signal: NodeJS.Signals }
  | { readonly op: 'start-envoy'; readonly pod: string }
  | { readonly op: 'stop-control-plane'; readonly signal: NodeJS.Signals }
  | { readonly op: 'start-control-plane' }
  | { readonly op: 'delete-pod'; readonly pod: string }
  | { readonly op: 'down' };

/** Answers: the state after the request, or why there is none. */
export type ControlReply =
  | { readonly ok: true; readonly status: SandboxStatus }
  | { readonly ok: false; readonly code: MeshErrorCode; readonly message: string; readonly hint: string };
