import type { SourceEvent } from '../../src/config/source.ts';
import type { AuthorizationPolicy } from '../../src/model/authorization-policy.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { benchSize, benchWorld, type World, type WorldSize } from './bench-world.ts';
import { authorizationPolicy, peerAuthentication, pod, service } from './objects.ts';

/** What a bench policy says: two rules, one by path, one by port, so that a principal reaches TCP chains and a path does not. */
interface PolicyWords {
  readonly path: string;
  readonly principal: string;
}

const startWords: PolicyWords = { path: '/start', principal: 'cluster.local/ns/ns-1/sa/start' };

export function meshPolicy(words: PolicyWords): AuthorizationPolicy {
  return allowPolicy('istio-system', 'mesh', words, {});
}

/** The policy of one service's workload: two pods of the thousand. */
export function workloadPolicy(index: number, words: PolicyWords, size: WorldSize = benchSize): AuthorizationPolicy {
  const name = `svc-${index}`;
  return allowPolicy(`ns-${index % size.namespaces}`, `${name}-policy`, words, { app: name });
}

function allowPolicy(
  namespace: string,
  name: string,
  { path, principal }: PolicyWords,
  labels: Readonly<Record<string, string>>,
): AuthorizationPolicy {
  return authorizationPolicy(
    namespace,
    name,
    'ALLOW',
    [
      { from: { principals: [principal] }, to: { methods: ['GET', 'POST'], paths: [path, '/health*'] } },
      { from: { principals: [principal] }, to: { ports: [9000] } },
    ],
    labels,
  );
}

/** The world of the table with its policies: one for the mesh, and one for each service's workload. */
export function benchObjects(size: WorldSize = benchSize): World {
  const { objects, pods } = benchWorld(size);
  const own = Array.from({ length: size.services }, (_, index) => workloadPolicy(index, startWords, size));
  return {
    objects: [...objects, meshPolicy(startWords), peerAuthentication('istio-system', 'default', 'PERMISSIVE'), ...own],
    pods,
  };
}

/** What must not be exceeded: clients that get anything, and bytes of all responses together. */
export interface EditGoal {
  readonly touched: 'all' | 2;
  /** With 1,000 clients where all are touched. */
  readonly bytes: number;
  readonly cpuSeconds: number;
  readonly lastAckMs: number;
  /** Types that may move, by short name. */
  readonly types: readonly string[];
}

/** One row of the table that is a change of configuration. */
export interface EditScenario {
  readonly id: string;
  readonly title: string;
  readonly goal: EditGoal;
  /** What comes before a round and isn't measured: it makes the round's result one that was never built before. */
  readonly before?: (round: number) => readonly SourceEvent[];
  /** The changes of one round; rounds differ, so that each has an effect. */
  readonly edit: (round: number) => readonly SourceEvent[];
}

const put = (...objects: readonly MeshObject[]): readonly SourceEvent[] =>
  objects.map((object) => ({ type: 'apply', object }));
const drop = (...objects: readonly MeshObject[]): readonly SourceEvent[] =>
  objects.map(({ kind, meta }) => ({ type: 'delete', ref: { kind, namespace: meta.namespace, name: meta.name } }));
const path = (round: number): PolicyWords => ({ ...startWords, path: `/edited/${round}` });
const principal = (round: number): PolicyWords => ({
  ...startWords,
  principal: `cluster.local/ns/ns-1/sa/edited-${round}`,
});

/** Comes and goes: even rounds add, odd ones remove; never the same again, so that nothing is found in a cache. */
function toggle(objects: (serial: number) => readonly MeshObject[]): (round: number) => readonly SourceEvent[] {
  return (round) => (round % 2 === 0 ? put(...objects(round / 2)) : drop(...objects((round - 1) / 2)));
}

function newPod(namespace: string, app: string, name: string, address: string): MeshObject {
  return pod(namespace, name, address, { labels: { app, 'pod-template-hash': 'h9' }, serviceAccount: app });
}

function newService(serial: number): readonly MeshObject[] {
  const name = `extra-${serial}`;
  return [
    service(
      'ns-3',
      name,
      [
        [80, 8080, 'http'],
        [9000, 9000, 'tcp'],
      ],
      { addresses: [`10.97.0.${serial}`] },
    ),
    ...[0, 1].map((replica) => newPod('ns-3', name, `${name}-${replica}`, `10.79.${replica}.${serial}`)),
  ];
}

/** The rows of the table (issue 3, "What it must show") that change one thing, with their goals. */
export const editScenarios: readonly EditScenario[] = [
  {
    id: 'workload-path',
    title: 'workload policy (2 pods), path',
    goal: { touched: 2, bytes: 10_000, cpuSeconds: 0.01, lastAckMs: 10, types: ['ECDS'] },
    edit: (round) => put(workloadPolicy(0, path(round))),
  },
  {
    id: 'mesh-path',
    title: 'mesh policy, path',
    goal: { touched: 'all', bytes: 3_000_000, cpuSeconds: 0.15, lastAckMs: 100, types: ['ECDS'] },
    edit: (round) => put(meshPolicy(path(round))),
  },
  {
    id: 'workload-principal',
    title: 'workload policy (2 pods), principal',
    goal: { touched: 2, bytes: 60_000, cpuSeconds: 0.01, lastAckMs: 10, types: ['ECDS', 'LDS'] },
    edit: (round) => put(workloadPolicy(0, principal(round))),
  },
  {
    id: 'mesh-principal',
    title: 'mesh policy, principal',
    goal: { touched: 'all', bytes: 30_000_000, cpuSeconds: 0.4, lastAckMs: 250, types: ['ECDS', 'LDS'] },
    edit: (round) => put(meshPolicy(principal(round))),
  },
  {
    id: 'mtls-mode',
    title: 'mesh STRICT ↔ PERMISSIVE',
    goal: { touched: 'all', bytes: 25_000_000, cpuSeconds: 0.4, lastAckMs: 250, types: ['LDS'] },
    before: (round) => put(meshPolicy(principal(10_000 + round))),
    edit: (round) => put(peerAuthentication('istio-system', 'default', round % 2 === 0 ? 'STRICT' : 'PERMISSIVE')),
  },
  {
    id: 'endpoint',
    title: 'one endpoint more or less',
    goal: { touched: 'all', bytes: 1_400_000, cpuSeconds: 0.1, lastAckMs: 60, types: ['EDS'] },
    edit: toggle((serial) => [newPod('ns-0', 'svc-0', `svc-0-more-${serial}`, `10.78.0.${serial}`)]),
  },
  {
    id: 'service',
    title: 'one service (2 pods) more or less',
    goal: { touched: 'all', bytes: 10_000_000, cpuSeconds: 0.3, lastAckMs: 200, types: ['CDS', 'EDS', 'LDS', 'VHDS'] },
    edit: toggle(newService),
  },
];

/** A random workload's policy, for the storm. */
export function stormPolicy(serial: number, random: () => number, size: WorldSize = benchSize): AuthorizationPolicy {
  return workloadPolicy(Math.floor(random() * size.services), { ...startWords, path: `/storm/${serial}` }, size);
}
