import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentLogger } from '../../src/lib/log.ts';
import { type ControlPlane, startControlPlane } from '../../src/runtime.ts';
import { readSettings } from '../../src/settings.ts';
import { benchObjects, editScenarios } from '../support/bench-edits.ts';
import { BenchPool, type Received } from '../support/bench-pool.ts';
import { PushedSource } from '../support/bench-source.ts';
import { benchSize, type WorldSize } from '../support/bench-world.ts';

/** Bytes of a first connect per client: half of what the table says of the widest used control plane. */
const firstConnectBytes = 2_147_000_000 / 2 / 1000;
const quietMs = 150;

/** A real control plane, and clients that behave as Envoys do, in one process. */
class World implements AsyncDisposable {
  readonly source: PushedSource;
  readonly pool: BenchPool;
  readonly #state = mkdtempSync(join(tmpdir(), 'coxswain-bench-'));
  #plane: ControlPlane | undefined;

  constructor(size: WorldSize) {
    const { objects, pods } = benchObjects(size);
    this.source = new PushedSource(objects);
    this.pool = new BenchPool(pods);
  }

  async connect(): Promise<Received> {
    const settings = await readSettings(
      { config: this.#state, state: this.#state, xds: '127.0.0.1:0', xdsInsecure: '127.0.0.1:0', admin: '127.0.0.1:0' },
      {},
    );
    this.#plane = await startControlPlane(settings, { source: this.source, log: silentLogger });
    this.pool.connect(this.#plane.insecurePort ?? 0);
    return await this.pool.settled({ quietMs, ready: true, touched: this.pool.clients.length });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pool.drop();
    await this.#plane?.[Symbol.asyncDispose]();
    rmSync(this.#state, { recursive: true, force: true });
  }
}

const sizes: readonly WorldSize[] = [{ services: 30, podsPerService: 2, namespaces: 20 }, benchSize];

describe('what the bench counts', () => {
  for (const size of sizes) {
    const clients = size.services * size.podsPerService;

    it(`touches and sends no more than the table allows, with ${clients} clients`, async function () {
      this.timeout(60_000);
      await using world = new World(size);
      const { pool, source } = world;
      const first = await world.connect();
      const limit = firstConnectBytes * clients;
      expect(first.bytes, 'bytes of the first connect').to.be.at.most(limit);

      for (const { id, goal, before, edit } of editScenarios) {
        for (const round of [0, 1]) {
          const touched = goal.touched === 'all' ? clients : goal.touched;
          if (before !== undefined) {
            pool.mark();
            source.push(before(round));
            await pool.settled({ quietMs, touched });
          }
          pool.mark();
          source.push(edit(round));
          const got = await pool.settled({ quietMs, touched });
          expect({ id, touched: got.touched, types: Object.keys(got.resources) }).to.deep.equal({
            id,
            touched,
            types: goal.types,
          });
          const bytes = goal.touched === 'all' ? (goal.bytes / 1000) * clients : goal.bytes;
          expect(got.bytes, `bytes of ${id}`).to.be.at.most(bytes);
        }
      }

      pool.drop();
      pool.prepare();
      pool.mark();
      pool.reconnect();
      source.push(editScenarios.find(({ id }) => id === 'mtls-mode')?.edit(0) ?? []);
      const back = await pool.settled({ quietMs, touched: clients });
      expect(back.resources, 'after a reconnect only what changed').to.deep.equal({ LDS: clients });
    });
  }
});
