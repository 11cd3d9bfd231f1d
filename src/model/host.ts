/**
 * A host as networking objects name one: lower case, a full name, or `*` or `*.x` for all names below. Short names of
 * Kubernetes services are made full before they are compared.
 */
export type Host = string;

/** A name without dots is that of a service in the namespace of whoever wrote it (behaviour.md 4.5). */
export function fullHost(host: string, namespace: string, dnsDomain: string): Host {
  return host.includes('.') || host === '*' ? host : `${host}.${namespace}.svc.${dnsDomain}`;
}

/** Is every name that `host` stands for one that `pattern` stands for? */
export function hostWithin(host: Host, pattern: Host): boolean {
  if (pattern === '*') return true;
  if (!pattern.startsWith('*')) return host === pattern;
  const suffix = pattern.slice(1);
  return host.startsWith('*') ? host.slice(1).endsWith(suffix) : host.length > suffix.length && host.endsWith(suffix);
}

/** Of two hosts that both hold a name: negative if `a` says more. A full name goes before a wildcard, a longer one before a shorter. */
export function bySpecificity(a: Host, b: Host): number {
  return Number(a.startsWith('*')) - Number(b.startsWith('*')) || b.length - a.length;
}

/** The names that both stand for; undefined where there are none. */
export function narrower(a: Host, b: Host): Host | undefined {
  if (hostWithin(a, b)) return a;
  return hostWithin(b, a) ? b : undefined;
}
