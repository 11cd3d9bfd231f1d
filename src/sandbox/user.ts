import { appOwner, type Owner, rootOwner } from './enter.ts';
import { proxyGid, proxyUid } from './envoy-users.ts';

/** Whose rights a command in a pod has: the app's (the default), the sidecar's, or root's. */
export type User = 'app' | 'proxy' | 'root';

/** User and group of each. */
export const owners: Readonly<Record<User, Owner>> = {
  app: appOwner,
  proxy: { uid: proxyUid, gid: proxyGid },
  root: rootOwner,
};
