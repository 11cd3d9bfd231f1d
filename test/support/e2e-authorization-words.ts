import type { PolicyObject } from './e2e-policies.ts';

/** A set of policies, and what must come of calls under it, each a sentence (see e2e-authorization-calls.ts). */
export interface AuthorizationScenario {
  readonly name: string;
  readonly policies: readonly PolicyObject[];
  readonly calls: readonly string[];
}

type Status = 200 | 403;
type Heard = 'heard' | 'cut off';
type Group = readonly string[] | string;

/** The same request by sleep.foo, sleep.bar and sleep.legacy; the last without a certificate. */
export const http = (request: string, foo: Status, bar: Status, legacy: Status): Group => [
  `sleep.foo ${request} gets ${foo}`,
  `sleep.bar ${request} gets ${bar}`,
  `sleep.legacy ${request} gets ${legacy}`,
];

/** The same over raw TCP. */
export const tcp = (foo: Heard, bar: Heard, legacy: Heard, port = 'tcp'): Group => [
  `sleep.foo over ${port} is ${foo}`,
  `sleep.bar over ${port} is ${bar}`,
  `sleep.legacy over ${port} is ${legacy}`,
];

/** Requests of sleep.foo: `'/path': status`, or `'POST /path'`. */
export const requests = (statuses: Readonly<Record<string, Status>>): Group =>
  Object.entries(statuses).map(([request, status]) => {
    return `sleep.foo ${request.startsWith('/') ? 'GET ' : ''}${request} gets ${status}`;
  });

/** What no policy here may touch. */
export const bystanders: Group = [
  'sleep.foo GET /admin to other.foo gets 200',
  'sleep.foo over tcp to other.foo is heard',
  'sleep.legacy GET /admin to other.foo gets 200',
  'sleep.foo GET /admin to server.legacy gets 200',
  'sleep.foo over tcp to server.legacy is heard',
];

/** A row of a matrix. */
export const scenario = (
  name: string,
  policies: readonly PolicyObject[],
  ...groups: readonly Group[]
): AuthorizationScenario => ({ name, policies, calls: groups.flat() });

/** Identities of the two clients that have one, as policies write them. */
export const fooSleep = 'cluster.local/ns/foo/sa/sleep';
export const barSleep = 'cluster.local/ns/bar/sa/sleep';

export const allHeard = tcp('heard', 'heard', 'heard');
export const allCut = tcp('cut off', 'cut off', 'cut off');
export const everybody = http('GET /', 200, 200, 200);
export const nobody = http('GET /', 403, 403, 403);
export const onlyFoo = [http('GET /', 200, 403, 403), tcp('heard', 'cut off', 'cut off')].flat();
export const onlyBar = [http('GET /', 403, 200, 403), tcp('cut off', 'heard', 'cut off')].flat();
export const allButBar = [http('GET /', 200, 403, 200), tcp('heard', 'cut off', 'heard')].flat();
export const onlyMesh = [http('GET /', 200, 200, 403), tcp('heard', 'heard', 'cut off')].flat();
