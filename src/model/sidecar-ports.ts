/** Ports of the sidecar itself: its own administration, the two that interception leads to, probes, health and metrics. */
export const sidecarOwnPorts: ReadonlySet<number> = new Set([15000, 15001, 15006, 15020, 15021, 15090]);
