import { allow, deny, type PolicyObject } from './e2e-policies.ts';

/** One rule on one port, and the paths that it speaks of, said without Envoy. */
export interface PathRule {
  readonly path: string;
  /** Of the pod that holds the rule; policies name it, so that one set of policies serves all rules. */
  readonly port: 8080 | 7000 | 6060;
  readonly means: (path: string) => boolean;
}

/** Held by server.foo: whoever asks for these paths is denied. */
export const denied: readonly PathRule[] = [
  { path: '/admin*', port: 8080, means: (path) => path.startsWith('/admin') },
  { path: '/admin', port: 7000, means: (path) => path === '/admin' },
  { path: '/admin/{**}', port: 6060, means: (path) => path.startsWith('/admin/') },
  { path: '/api/{*}/secret', port: 6060, means: (path) => /^\/api\/[^/]+\/secret$/s.test(path) },
];

/** Held by other.foo: nothing but these paths is let in. */
export const allowed: readonly PathRule[] = [
  { path: '/public/*', port: 8080, means: (path) => path.startsWith('/public/') },
  { path: '/public/{**}', port: 7000, means: (path) => path.startsWith('/public/') },
  { path: '*.txt', port: 6060, means: (path) => path.endsWith('.txt') },
];

/** The policies that say so. */
export const pathPolicies: readonly PolicyObject[] = [
  deny(
    denied.map(({ path, port }) => ({ to: [{ operation: { paths: [path], ports: [String(port)] } }] })),
    { app: 'server' },
  ),
  allow(
    allowed.map(({ path, port }) => ({ to: [{ operation: { paths: [path], ports: [String(port)] } }] })),
    { app: 'other' },
  ),
];
