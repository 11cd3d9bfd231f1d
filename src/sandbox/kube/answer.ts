/** How something went that the kubelet asked of a container. */
export interface Answer {
  readonly ok: boolean;
  readonly message: string;
}
