/** Ports of a sidecar (product.md, numbers that never change). 15001 and 15006 come from the control plane. */
export const sidecarPorts = { admin: 15000, health: 15021, metrics: 15090 } as const;

/** Path that answers 200 once Envoy has its configuration (port 15021). */
export const readinessPath = '/healthz/ready';
/** Path of the metrics (port 15090). */
export const metricsPath = '/stats/prometheus';
