/** What a container is doing, in the words of its status (core/v1 ContainerState). Times are ms since the epoch. */
export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  | { readonly kind: 'running'; readonly startedAt: number }
  | Terminated;

export interface Terminated {
  readonly kind: 'terminated';
  readonly exitCode: number;
  readonly reason: 'Completed' | 'Error';
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** `sidecar`: an init container that stays. */
export type ContainerRole = 'init' | 'sidecar' | 'app';

/** One container as its pod's status shows it. */
export interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly role: ContainerRole;
  readonly state: ContainerState;
  readonly last: Terminated | undefined;
  /** Its startup probe succeeded, or it has none. */
  readonly started: boolean;
  readonly ready: boolean;
  readonly restarts: number;
}
