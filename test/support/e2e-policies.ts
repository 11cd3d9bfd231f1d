/** Policies as short expressions, so that a matrix reads as a table. */

export type Mode = 'STRICT' | 'PERMISSIVE' | 'DISABLE' | 'UNSET';
type Ports = Readonly<Record<number, Mode>>;

interface Scope {
  readonly name: string;
  readonly namespace: string;
  readonly app?: string;
  /** Which of two is older, where that decides. */
  readonly created?: string;
}

/** A policy as a document. */
export interface PolicyObject {
  readonly apiVersion: string;
  readonly kind: 'PeerAuthentication' | 'AuthorizationPolicy';
  readonly metadata: { readonly name: string; readonly namespace: string; readonly creationTimestamp?: string };
  readonly spec: object;
}

const api = 'security.istio.io/v1';

function metadata({ name, namespace, created }: Scope): PolicyObject['metadata'] {
  return { name, namespace, ...(created === undefined ? {} : { creationTimestamp: created }) };
}

function selector(app: string | undefined): object {
  return app === undefined ? {} : { selector: { matchLabels: { app } } };
}

function peerAuthentication(scope: Scope, mode: Mode, portLevelMtls?: Ports): PolicyObject {
  const levels = Object.entries(portLevelMtls ?? {}).map(([port, each]) => [port, { mode: each }] as const);
  const spec = {
    ...selector(scope.app),
    mtls: { mode },
    ...(portLevelMtls === undefined ? {} : { portLevelMtls: Object.fromEntries(levels) }),
  };
  return { apiVersion: api, kind: 'PeerAuthentication', metadata: metadata(scope), spec };
}

/** For the whole mesh: in the root namespace, without a selector. */
export const meshMode = (mode: Mode, more: Partial<Scope> = {}): PolicyObject =>
  peerAuthentication({ name: 'default', namespace: 'istio-system', ...more }, mode);

/** For one namespace. */
export const namespaceMode = (namespace: string, mode: Mode, more: Partial<Scope> = {}): PolicyObject =>
  peerAuthentication({ name: 'default', namespace, ...more }, mode);

/** For the pods of one app in `foo`, with settings for single ports. */
export const workloadMode = (app: string, mode: Mode, ports?: Ports, more: Partial<Scope> = {}): PolicyObject =>
  peerAuthentication({ name: `${app}-mtls`, namespace: 'foo', app, ...more }, mode, ports);

/** One rule: `from` and `to` as lists of sources and operations. */
export interface Rule {
  readonly from?: readonly object[];
  readonly to?: readonly object[];
}

/** What a source proves, and what an operation is: each a rule of one condition. */
export const from = (...sources: readonly object[]): Rule => ({ from: sources.map((source) => ({ source })) });
export const to = (...operations: readonly object[]): Rule => ({ to: operations.map((operation) => ({ operation })) });

function authorization(
  action: 'ALLOW' | 'DENY',
  rules: readonly Rule[] | undefined,
  scope: Partial<Scope>,
): PolicyObject {
  const { app, ...rest } = scope;
  const where = { name: action.toLowerCase(), namespace: 'foo', ...rest };
  const spec = { ...selector(app), action, ...(rules === undefined ? {} : { rules }) };
  return { apiVersion: api, kind: 'AuthorizationPolicy', metadata: metadata(where), spec };
}

/** For the pods of app `server` in `foo`, unless told otherwise. */
export const allow = (rules: readonly Rule[] | undefined, scope: Partial<Scope> = { app: 'server' }): PolicyObject =>
  authorization('ALLOW', rules, scope);
export const deny = (rules: readonly Rule[], scope: Partial<Scope> = { app: 'server' }): PolicyObject =>
  authorization('DENY', rules, scope);
