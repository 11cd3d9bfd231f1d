import { once } from 'node:events';
import { connect } from 'node:net';
import type { AuthorizationPolicy } from '../../src/model/authorization-policy.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { selectAll } from '../../src/model/selector.ts';
import { types } from '../../src/model/type-urls.ts';
import { Store } from '../../src/snapshot/store.ts';
import { BuildCache } from '../../src/translate/cache.ts';
import { Compiler } from '../../src/translate/compiler.ts';
import { freePort } from '../support/free-ports.ts';
import { authorizationPolicy, pod, service, sidecar } from '../support/objects.ts';
import { createTestCa } from '../support/rbac-certificates.ts';
import { startRbacEnvoy } from '../support/rbac-envoy.ts';
import { signTokens } from '../support/rbac-tokens.ts';
import { median } from './figures.ts';
import type { Section } from './kube-section.ts';
import { bytes, ms } from './report.ts';

const web = pod('foo', 'web-1', '10.0.0.1');
const base: readonly MeshObject[] = [web, service('foo', 'web', [[80, 8080, 'http']], { addresses: ['10.96.0.1'] })];

/** A policy that no request here matches: the worst case, for then all of them are looked at. */
function policyNumber(index: number, app: string, edit = 0): AuthorizationPolicy {
  const rule = {
    from: { principals: [`cluster.local/ns/ns-${index}/sa/caller-${edit}`] },
    to: { methods: ['GET'], paths: [`/orders/${index}/*`] },
  };
  return authorizationPolicy('foo', `policy-${index}`, 'DENY', [rule], { app });
}

interface Compiled {
  readonly compileMs: number;
  readonly editMs: number;
  readonly bodyBytes: number;
  readonly viewsCompiled: number;
}

/** Compiles one workload with its own policies among those of others, and edits one of its own. */
function compile(own: number, unrelated: number, runs: number): Compiled {
  const policies = [
    ...Array.from({ length: own }, (_, index) => policyNumber(index, 'web')),
    ...Array.from({ length: unrelated }, (_, index) => policyNumber(own + index, `other-${index}`)),
  ];
  const store = new Store(defaultMesh);
  const { snapshot } = store.commit([{ type: 'reset', objects: [...base, ...policies] }]);
  const compiles: number[] = [];
  for (let run = 0; run < runs; run++) {
    // New objects, or the second run would find what the first has made of them.
    const fresh = new Store(defaultMesh).commit([{ type: 'reset', objects: structuredClone([...base, ...policies]) }]);
    const started = performance.now();
    const compiler = new Compiler(fresh.snapshot, new BuildCache());
    using _ = compiler.attach(sidecar(web), () => undefined);
    compiles.push(performance.now() - started);
  }
  const compiler = new Compiler(snapshot, new BuildCache());
  using attached = compiler.attach(sidecar(web), () => undefined);
  const edits: number[] = [];
  const before = compiler.stats().viewsCompiled;
  const rounds = 20 * runs;
  for (let round = 1; round <= rounds; round++) {
    const started = performance.now();
    const commit = store.commit([{ type: 'apply', object: policyNumber(0, 'web', round) }]);
    compiler.update(commit.snapshot, commit.changes);
    edits.push(performance.now() - started);
  }
  const resources = attached.layers(types.extension).flatMap((layer) => [...layer.resources.values()]);
  return {
    compileMs: median(compiles),
    editMs: median(edits),
    bodyBytes: resources.reduce((sum, { body }) => sum + body.length, 0),
    viewsCompiled: (compiler.stats().viewsCompiled - before) / rounds,
  };
}

/** The median time of a request through a real Envoy that answers by itself, for each set of policies: µs. */
async function latencies(
  sets: readonly (readonly AuthorizationPolicy[])[],
  rounds: number,
): Promise<readonly number[]> {
  const ca = await createTestCa();
  const server = await ca.issue([{ type: 'dns', value: 'server' }]);
  const port = await freePort();
  const cases = sets.map((policies) => ({
    policies: policies.map((policy) => ({ ...policy, selector: selectAll })),
    mesh: defaultMesh,
  }));
  const { jwks } = await signTokens();
  await using _ = await startRbacEnvoy({ http: cases, tcp: [], ports: [port], ca: ca.certificate, server, jwks });
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const times: number[][] = sets.map(() => []);
  // In turn, so that a busy moment of the machine counts for all of them.
  for (let round = 0; round < rounds + 200; round++) {
    for (const [index, list] of times.entries()) {
      const started = performance.now();
      socket.write(`GET /orders/x HTTP/1.1\r\nhost: web\r\nx-case: ${index}\r\n\r\n`);
      await once(socket, 'data');
      if (round >= 200) list.push((performance.now() - started) * 1_000);
    }
  }
  socket.destroy();
  return times.map(median);
}

/** What many policies cost: to compile, to send, to edit, and in Envoy for each request. */
export async function measureAuthorization(runs: number): Promise<Section> {
  const own = [0, 1, 100, 1_000];
  const compiled = own.map((count) => compile(Math.max(count, 1), 0, runs));
  const waits = await latencies(
    own.map((count) => Array.from({ length: count }, (_, i) => policyNumber(i, 'web'))),
    10 * runs,
  );
  const [alone = 0] = waits;
  const among = [0, 100, 1_000, 10_000].map((unrelated) => ({ unrelated, ...compile(10, unrelated, runs) }));
  const [least] = among;
  return {
    id: 'authorization',
    title: 'authorization policies: on one workload, and around it',
    columns: ['policies', 'compile', 'bytes (ECDS)', 'edit of one', 'request in Envoy', 'against none'],
    cells: [
      ...own.map((count, i) => {
        const { compileMs = 0, bodyBytes = 0, editMs = 0 } = count === 0 ? {} : (compiled[i] ?? {});
        const wait = waits[i] ?? 0;
        const made = count === 0 ? ['', '', ''] : [ms(compileMs), bytes(bodyBytes), ms(editMs)];
        return [`${count} on the workload`, ...made, `${wait.toFixed(1)} µs`, `× ${(wait / alone).toFixed(2)}`];
      }),
      ...among.map(({ unrelated, compileMs, bodyBytes, editMs, viewsCompiled }) => [
        `10 on it, ${unrelated} on others`,
        ms(compileMs),
        bytes(bodyBytes),
        `${ms(editMs)} (× ${(editMs / (least?.editMs ?? 1)).toFixed(2)})`,
        '',
        `${viewsCompiled} view compiled`,
      ]),
    ],
    notes: [
      `medians: ${runs} compilations, ${20 * runs} edits, ${500 * runs} requests on one connection, none of which any policy matches`,
      'an edit is counted from the event to the new resources, without the wire',
    ],
    figures: { own, compiled, waits, among },
  };
}
