/** Why a pod is refused: which field, what is wrong with it, what to do. Findings of one pod are told all at once. */
export interface InjectProblem {
  /** Dotted path, `metadata.annotations[sidecar.istio.io/proxyCPU]`. */
  readonly field: string;
  readonly message: string;
  readonly hint: string;
}

/** Path of an annotation. */
export function annotationField(name: string): string {
  return `metadata.annotations[${name}]`;
}
