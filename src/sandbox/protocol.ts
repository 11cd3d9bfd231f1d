import type { MeshErrorCode } from '../lib/errors.ts';
import type { ProxyKind } from '../model/proxy.ts';
import type { ManifestDocument } from './manifest-document.ts';
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
  /** A real Kubernetes API behind the sandbox; else the plan and the live configuration are all there is. */
  readonly kube: KubeSettings | undefined;
}

/** What a sandbox with a Kubernetes API needs. */
export interface KubeSettings {
  /** Folder of etcd, kube-apiserver and kube-controller-manager. */
  readonly programs: string;
  /** The folder of this package, which `coxswain` images stand for. */
  readonly packageDir: string;
  /** The example's objects. */
  readonly documents: readonly ManifestDocument[];
  /** Of the control plane. */
  readonly replicas: number;
  /** Mesh settings, as YAML. */
  readonly meshYaml: string | undefined;
  /** Share of its life after which the token of a pod is replaced; the kubelet's is 0.8. */
  readonly tokenLifeShare: number;
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
  /** What its Envoy is, if it has one. */
  readonly proxy: ProxyKind;
  readonly labels: Readonly<Record<string, string>>;
  /** Process that holds its namespaces, as numbered inside the sandbox. */
  readonly pid: number;
  /** The node's end of its cable: what to capture on. */
  readonly cable: string;
  readonly app: ProcessStatus;
  readonly envoy: ProcessStatus;
  /** With a Kubernetes API: its containers, each with files of its own; else none, and all see the files of the pod. */
  readonly containers: readonly ContainerInfo[];
}

/** A container, as the host needs it to run commands in it. */
export interface ContainerInfo {
  readonly name: string;
  /** `CrashLoopBackOff`, `running`, `terminated`…: as `kubectl get pods` would have it. */
  readonly state: string;
  readonly ready: boolean;
  readonly restarts: number;
  /** Its program, as numbered inside the sandbox; 0 while it doesn't run. */
  readonly pid: number;
  /** File name of its log in `logs/`. */
  readonly log: string;
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
  /** What only a sandbox with a Kubernetes API has. */
  readonly kube: KubeStatus | undefined;
}

/** The API of a sandbox. */
export interface KubeStatus {
  /** The admin's, as a command inside the sandbox reaches it. */
  readonly kubeconfig: string;
  /** Files whose objects were applied. */
  readonly files: readonly string[];
  /** Control plane pods, as `POD.NAMESPACE`. */
  readonly controlPlanes: readonly string[];
}

/** A change of one file of the live configuration, with what the sandbox itself must do about it. */
export type ConfigChange =
  | { readonly kind: 'write'; readonly file: string; readonly text: string; readonly service?: ServiceSpec }
  | {
      readonly kind: 'remove';
      readonly file: string;
      readonly service?: { readonly name: string; readonly namespace: string };
    };

/** Objects under a name: they take the place of those that it stood for before. */
export interface AppliedFile {
  readonly file: string;
  readonly documents: readonly ManifestDocument[];
}

/** What the host can ask of a running sandbox. */
export type ControlRequest =
  | { readonly op: 'status' }
  | { readonly op: 'config'; readonly changes: readonly ConfigChange[] }
  | { readonly op: 'apply'; readonly files: readonly AppliedFile[] }
  | { readonly op: 'remove'; readonly files: readonly string[] }
  | { readonly op: 'stop-envoy'; readonly pod: string; readonly signal: NodeJS.Signals }
  | { readonly op: 'start-envoy'; readonly pod: string }
  /** With `replica`, that pod of several. */
  | { readonly op: 'stop-control-plane'; readonly signal: NodeJS.Signals; readonly replica?: string }
  | { readonly op: 'start-control-plane'; readonly replica?: string }
  | { readonly op: 'delete-pod'; readonly pod: string }
  | { readonly op: 'down' };

/** Answers: the state after the request, or why there is none. */
export type ControlReply =
  | { readonly ok: true; readonly status: SandboxStatus }
  | { readonly ok: false; readonly code: MeshErrorCode; readonly message: string; readonly hint: string };
