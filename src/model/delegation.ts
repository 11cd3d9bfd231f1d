import { visibleIn } from './export-to.ts';
import type { HttpAction, RouteOptions } from './http-route.ts';
import { refineMatch } from './refine-match.ts';
import type { DelegateRef, HttpMatch, HttpRoute, VirtualService } from './virtual-service.ts';

/** An HTTP route after delegation: what is done is decided. */
export interface DecidedRoute extends RouteOptions {
  readonly name: string;
  readonly matches: readonly HttpMatch[];
  readonly action: HttpAction;
  /** The object in which the action stands. */
  readonly owner: VirtualService;
  /** Place of the route in the object that has the hosts. */
  readonly index: number;
}

/** Why a route that delegates, or a part of what it delegates to, isn't there. */
export interface DelegationProblem {
  readonly code: 'unknown-delegate' | 'delegate-has-hosts' | 'delegate-not-exported' | 'delegate-outside';
  /** Place of the route in `http`. */
  readonly index: number;
  readonly message: string;
  readonly hint: string;
}

/** The routes of a VirtualService with those of its delegates in their places. */
export interface Delegation {
  readonly routes: readonly DecidedRoute[];
  readonly problems: readonly DelegationProblem[];
}

/** Finds a VirtualService by name. */
export type FindVirtualService = (ref: DelegateRef) => VirtualService | undefined;

/**
 * Puts delegates in the place of routes that name one (behaviour.md 5.7). Below a root's matches a delegate's must be more precise; what
 * the delegate leaves open, the root says. A delegate that isn't there, or isn't meant for this namespace, leaves no route behind.
 */
export function delegated(root: VirtualService, find: FindVirtualService): Delegation {
  const routes: DecidedRoute[] = [];
  const problems: DelegationProblem[] = [];
  for (const [index, route] of root.http.entries()) {
    const { action, ...rest } = route;
    if (action.kind !== 'delegate') {
      routes.push({ ...rest, action, owner: root, index });
      continue;
    }
    const delegate = find(action.to);
    const problem = delegateProblem(root, action.to, delegate);
    if (delegate === undefined || problem !== undefined) {
      if (problem !== undefined) problems.push({ ...problem, index });
      continue;
    }
    for (const [place, inner] of delegate.http.entries()) {
      const merged = mergeRoutes(route, inner);
      if (merged === undefined) problems.push(outside(action.to, place, index));
      else routes.push({ ...merged, owner: delegate, index });
    }
  }
  return { routes, problems };
}

function delegateProblem(
  root: VirtualService,
  to: DelegateRef,
  delegate: VirtualService | undefined,
): Omit<DelegationProblem, 'index'> | undefined {
  const name = `VirtualService ${to.namespace}/${to.name}`;
  if (delegate === undefined)
    return {
      code: 'unknown-delegate',
      message: `${name} is not known: this route is left out`,
      hint: 'create it, without hosts, or correct the name',
    };
  if (delegate.hosts.length > 0)
    return {
      code: 'delegate-has-hosts',
      message: `${name} has hosts, so it is no delegate: this route is left out`,
      hint: 'remove its hosts',
    };
  if (!visibleIn(delegate.exportTo, root.meta.namespace))
    return {
      code: 'delegate-not-exported',
      message: `${name} is not exported to namespace ${root.meta.namespace}: this route is left out`,
      hint: 'add the namespace to its exportTo',
    };
  return undefined;
}

function outside({ namespace, name }: DelegateRef, place: number, index: number): DelegationProblem {
  return {
    code: 'delegate-outside',
    index,
    message: `route http[${place}] of delegate ${namespace}/${name} is left out: none of its matches is within one of this route`,
    hint: 'a delegate can only be more precise than the route that names it',
  };
}

type Merged = Omit<DecidedRoute, 'owner' | 'index'>;

function mergeRoutes(root: HttpRoute, inner: HttpRoute): Merged | undefined {
  if (inner.action.kind === 'delegate') return undefined;
  const matches = mergeMatches(root.matches, inner.matches);
  if (matches === undefined) return undefined;
  return {
    name: [root.name, inner.name].filter((each) => each !== '').join('-'),
    matches,
    action: inner.action,
    rewrite: inner.rewrite ?? root.rewrite,
    timeoutMs: inner.timeoutMs ?? root.timeoutMs,
    retries: inner.retries ?? root.retries,
    fault: inner.fault ?? root.fault,
    mirrors: inner.mirrors ?? root.mirrors,
    cors: inner.cors ?? root.cors,
    headers: inner.headers ?? root.headers,
  };
}

function mergeMatches(root: readonly HttpMatch[], leaf: readonly HttpMatch[]): readonly HttpMatch[] | undefined {
  if (root.length === 0 || leaf.length === 0) return root.length === 0 ? leaf : root;
  const refined = root.flatMap((outer) => leaf.flatMap((inner) => refineMatch(outer, inner) ?? []));
  return refined.length === 0 ? undefined : refined;
}
