import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentLogger } from '../../src/lib/log.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { type ControlPlane, startControlPlane } from '../../src/runtime.ts';
import { readSettings } from '../../src/settings.ts';
import { benchObjects } from '../support/bench-edits.ts';
import { BenchPool } from '../support/bench-pool.ts';
import { PushedSource } from '../support/bench-source.ts';
import { draws } from '../support/replicas.ts';
import { until } from '../support/xds-grpc.ts';

const size = { services: 20, podsPerService: 2, namespaces: 10 } as const;

/** A whole control plane with a CA of its own: nothing but the configuration is shared. */
async function startReplica(stack: AsyncDisposableStack, objects: readonly MeshObject[]): Promise<ControlPlane> {
  const state = mkdtempSync(join(tmpdir(), 'coxswain-replica-'));
  stack.defer(() => rmSync(state, { recursive: true, force: true }));
  const any = '127.0.0.1:0';
  const settings = await readSettings({ config: state, state, xds: any, xdsInsecure: any, admin: any }, {});
  return stack.use(await startControlPlane(settings, { source: new PushedSource(objects), log: silentLogger }));
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  const draw = draws(7);
  return items
    .map((item) => [draw(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

describe('two replicas that compile for themselves', () => {
  it('agree on every version, whatever the order in which they heard of the objects: who moves is sent nothing', async () => {
    await using stack = new AsyncDisposableStack();
    const { objects, pods } = benchObjects(size);
    const first = await startReplica(stack, objects);
    const second = await startReplica(stack, shuffled(objects));
    const pool = new BenchPool(pods);
    stack.defer(() => pool.drop());
    pool.connect(first.insecurePort ?? 0);
    await pool.settled({ quietMs: 150, ready: true, touched: pods.length });

    pool.follow(second.insecurePort ?? 0);
    pool.mark();
    await first.xds.drain(5_000);
    await until(() => pool.moved().clients === pods.length, 'all to come to the second');
    await until(() => second.xds.counters().receivedBytes === pool.received().sentBytes, 'it to read what they hold');
    await until(
      () => second.xds.status().every(({ types }) => types.every(({ state }) => state === 'SYNCED')),
      'it to know them in step',
    );
    expect(second.xds.counters().connected).to.equal(pods.length);
    expect(second.xds.counters().sentResources).to.equal(0);
    expect(pool.received().resources).to.deep.equal({});
  });
});
