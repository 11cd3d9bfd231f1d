import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentLogger } from '../../src/lib/log.ts';
import { type ControlPlane, startControlPlane } from '../../src/runtime.ts';
import { readSettings } from '../../src/settings.ts';
import { benchObjects, type EditScenario, editScenarios } from '../support/bench-edits.ts';
import { BenchPool, type Received } from '../support/bench-pool.ts';
import { PushedSource } from '../support/bench-source.ts';
import { benchSize, type WorldSize } from '../support/bench-world.ts';

/**
 * Bytes of a first connect per client. The table wants half of what the widest used control plane sends, 1.07 MB; the metadata
 * of each endpoint, which Envoy doesn't take from its locality, makes it 1.23 MB; a sidecar's own listener, with its policy slots and its
 * reports, is 13 kB of that.
 */
const firstConnectBytes = 1_235_000;
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

  /** Clients that got something, and what of it: after one round of a scenario. */
  async round({ goal, before, edit }: EditScenario, round: number): Promise<Received> {
    const wait = { quietMs, touched: goal.touched === 'all' ? this.pool.clients.length : goal.touched };
    if (before !== undefined) {
      this.pool.mark();
      this.source.push(before(round));
      await this.pool.settled(wait);
    }
    this.pool.mark();
    this.source.push(edit(round));
    return await this.pool.settled(wait);
  }

  async reconnect(edited: EditScenario): Promise<Received> {
    const { pool } = this;
    pool.drop();
    pool.prepare();
    pool.mark();
    pool.reconnect();
    this.source.push(edited.edit(0));
    return await pool.settled({ quietMs, touched: pool.clients.length });
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
      this.timeout(120_000);
      await using world = new World(size);
      const first = await world.connect();
      expect(first.bytes, 'bytes of the first connect').to.be.at.most(firstConnectBytes * clients);

      for (const scenario of editScenarios) {
        const { id, goal } = scenario;
        const touched = goal.touched === 'all' ? clients : goal.touched;
        const bytes = goal.touched === 'all' ? (goal.bytes / 1000) * clients : goal.bytes;
        for (const round of [0, 1]) {
          const got = await world.round(scenario, round);
          expect({ id, touched: got.touched, types: Object.keys(got.resources) }).to.deep.equal({
            id,
            touched,
            types: goal.types,
          });
          expect(got.bytes, `bytes of ${id}`).to.be.at.most(bytes);
        }
      }

      const edited = editScenarios.find(({ id }) => id === 'mtls-mode');
      expect((edited && (await world.reconnect(edited)))?.resources, 'only what changed').to.deep.equal({
        LDS: clients,
      });
    });
  }
});
