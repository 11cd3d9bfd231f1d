import type { ClaimMatch, NamedMatch, RequestMatch, ValueMatch } from './http-match.ts';
import type { HttpMatch, RouteAudience } from './virtual-service.ts';

/**
 * What a match of a delegate means below a match of the route that delegates: both. Undefined where nothing meets both, or where one match
 * can't say so: a delegate can only be more precise (behaviour.md 5.7, delegation).
 */
export function refineMatch(root: HttpMatch, leaf: HttpMatch): HttpMatch | undefined {
  const request = refineRequest(root.request, leaf.request);
  const audience = refineAudience(root, leaf);
  if (request === undefined || audience === undefined) return undefined;
  const name = [root.name, leaf.name].filter((each) => each !== '').join('-');
  return { name, statPrefix: leaf.statPrefix || root.statPrefix, ...audience, request };
}

/** Not even expressible as one match. */
const conflict = Symbol('conflict');
type Refined<T> = T | typeof conflict;

function refineRequest(root: RequestMatch, leaf: RequestMatch): RequestMatch | undefined {
  if (root.uri !== undefined && leaf.uri !== undefined && root.ignoreUriCase !== leaf.ignoreUriCase) return undefined;
  const uri = refineValue(root.uri, leaf.uri);
  const scheme = refineValue(root.scheme, leaf.scheme);
  const method = refineValue(root.method, leaf.method);
  const authority = refineValue(root.authority, leaf.authority);
  const headers = refineNamed(root.headers, leaf.headers);
  const withoutHeaders = refineNamed(root.withoutHeaders, leaf.withoutHeaders);
  const queryParams = refineNamed(root.queryParams, leaf.queryParams);
  if (
    uri === conflict ||
    scheme === conflict ||
    method === conflict ||
    authority === conflict ||
    headers === conflict ||
    withoutHeaders === conflict ||
    queryParams === conflict
  )
    return undefined;
  return {
    uri,
    ignoreUriCase: root.ignoreUriCase || leaf.ignoreUriCase,
    scheme,
    method,
    authority,
    headers,
    withoutHeaders,
    queryParams,
    claims: union(root.claims, leaf.claims),
    withoutClaims: union(root.withoutClaims, leaf.withoutClaims),
  };
}

/** Claims stand side by side: all of them are asked for. */
function union(root: readonly ClaimMatch[], leaf: readonly ClaimMatch[]): readonly ClaimMatch[] {
  return [...root, ...leaf];
}

function refineValue(root: ValueMatch | undefined, leaf: ValueMatch | undefined): Refined<ValueMatch | undefined> {
  if (root === undefined || leaf === undefined) return leaf ?? root;
  return isWithin(leaf, root) ? leaf : conflict;
}

/** Is every text that `leaf` takes one that `root` takes, as far as can be told without running an expression? */
function isWithin(leaf: ValueMatch, root: ValueMatch): boolean {
  switch (root.kind) {
    case 'present':
      return true;
    case 'exact':
    case 'regex':
      return leaf.kind === root.kind && leaf.value === root.value;
    case 'prefix':
      return (leaf.kind === 'exact' || leaf.kind === 'prefix') && leaf.value.startsWith(root.value);
  }
}

function refineNamed(root: readonly NamedMatch[], leaf: readonly NamedMatch[]): Refined<readonly NamedMatch[]> {
  const found = new Map(root.map((each) => [each.name, each]));
  for (const each of leaf) {
    const match = refineValue(found.get(each.name)?.match, each.match);
    if (match === conflict) return conflict;
    if (match !== undefined) found.set(each.name, { name: each.name, match });
  }
  return [...found.values()];
}

function refineAudience(root: RouteAudience, leaf: RouteAudience): RouteAudience | undefined {
  const open = root.gateways.length === 0 || leaf.gateways.length === 0;
  const gateways = open
    ? [...root.gateways, ...leaf.gateways]
    : leaf.gateways.filter((each) => root.gateways.includes(each));
  if (!open && gateways.length === 0) return undefined;
  if (root.port !== undefined && leaf.port !== undefined && root.port !== leaf.port) return undefined;
  const namespaces = new Set([root.sourceNamespace, leaf.sourceNamespace].filter((each) => each !== ''));
  if (namespaces.size > 1) return undefined;
  for (const [key, value] of Object.entries(leaf.sourceLabels))
    if (Object.hasOwn(root.sourceLabels, key) && root.sourceLabels[key] !== value) return undefined;
  const [sourceNamespace = ''] = namespaces;
  return {
    gateways,
    port: root.port ?? leaf.port,
    sourceNamespace,
    sourceLabels: { ...root.sourceLabels, ...leaf.sourceLabels },
  };
}
