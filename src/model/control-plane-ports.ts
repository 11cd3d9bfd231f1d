/** Ports of the control plane, where nothing else is said (product.md, numbers that never change). */
export const controlPlanePorts = {
  /** xDS over TLS. */
  xds: 15_012,
  /** Injection and validation, for a cluster's API server. */
  webhook: 15_017,
  /** Health, metrics and debug pages. */
  monitoring: 15_014,
} as const;
