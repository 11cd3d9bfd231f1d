import type { TypeUrl } from '../model/ids.ts';
import { types } from '../model/type-urls.ts';

/** What uses others goes before what it uses; clusters, endpoints and secrets last (make before break). */
export const removalOrder: readonly TypeUrl[] = [
  types.listener,
  types.extension,
  types.route,
  types.virtualHost,
  types.endpoint,
  types.cluster,
  types.secret,
];

/** What has to be told of before clusters and endpoints may go. */
const usersOfClusters: readonly TypeUrl[] = [types.listener, types.extension, types.route, types.virtualHost];

/** All types of an order, and then the unknown ones among `some`: sending one type may make another one necessary. */
export function inOrder(order: readonly TypeUrl[], some: ReadonlySet<TypeUrl>): readonly TypeUrl[] {
  const unknown = [...some].filter((type) => !order.includes(type));
  return unknown.length === 0 ? order : [...order, ...unknown];
}

/** Whether a removal has to wait: a listener or route was not told yet that it may let go of a cluster. */
export function mustWait(type: TypeUrl, behind: ReadonlySet<TypeUrl>): boolean {
  return (type === types.cluster || type === types.endpoint) && usersOfClusters.some((user) => behind.has(user));
}
