/** User and group that Envoy runs as in a pod: interception lets its connections pass, and everybody else's not. */
export const proxyId = 1337;
