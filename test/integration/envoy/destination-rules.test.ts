import { once } from 'node:events';
import { createServer, get, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { TrafficPolicy } from '../../../src/model/traffic-policy.ts';
import { BuildCache } from '../../../src/translate/cache.ts';
import { Outbound } from '../../../src/translate/outbound.ts';
import { effectiveEntry } from '../../../src/translate/policy/service-entry.ts';
import { serviceUnit } from '../../../src/translate/service-unit.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { freePorts } from '../../support/free-ports.ts';
import { entryEndpoint, noPolicy, serviceEntry, snapshotOf, wholePart } from '../../support/objects.ts';
import { OutboundEnvoy } from '../../support/outbound-envoy.ts';

const requests = 10;

/**
 * Fails the first ten requests at once, in a way that Envoy retries, and holds all retries until the client has either an answer or
 * a retry for each of its requests: so many were retries at a time.
 */
class FailsAtFirst {
  readonly #failing: ServerResponse[] = [];
  readonly #retries: ServerResponse[] = [];
  readonly server: Server;
  #answered = 0;

  constructor() {
    this.server = createServer((_, answer) => {
      if (this.#failing.length < requests) {
        this.#failing.push(answer);
        if (this.#failing.length === requests)
          for (const each of this.#failing) each.setHeader('grpc-status', '14').end();
      } else {
        this.#retries.push(answer);
        this.#release();
      }
    });
  }

  /** A request has its answer, good or bad. */
  answered(): void {
    this.#answered++;
    this.#release();
  }

  #release(): void {
    if (this.#answered + this.#retries.length === requests) for (const each of this.#retries) each.end();
  }
}

/** How many of ten requests that failed at once could be sent again. */
async function retried(port: number, host: string, app: FailsAtFirst): Promise<number> {
  const ask = async (): Promise<number> => {
    const [answer] = await once(get({ host: '127.0.0.1', port, headers: { host }, agent: false }), 'response');
    answer.resume();
    const failed = answer.headers['grpc-status'] === '14';
    if (failed) app.answered();
    return failed ? 0 : 1;
  };
  const all = await Promise.all(Array.from({ length: requests }, ask));
  return all.reduce((sum, each) => sum + each, 0);
}

for (const version of envoyVersions) {
  describe(`retryBudget of a DestinationRule on Envoy ${version}`, function () {
    this.timeout(60_000);
    const cases: readonly {
      readonly host: string;
      readonly budget: TrafficPolicy['retryBudget'];
      readonly retries: number;
    }[] = [
      { host: 'none.test', budget: undefined, retries: 10 },
      { host: 'few.test', budget: { percent: 0, minRetryConcurrency: 2, intervalMs: undefined }, retries: 2 },
      { host: 'all.test', budget: { percent: 100, minRetryConcurrency: 10, intervalMs: undefined }, retries: 10 },
      {
        host: 'default.test',
        budget: { percent: undefined, minRetryConcurrency: undefined, intervalMs: undefined },
        retries: 3,
      },
    ];
    const apps = new Map(cases.map(({ host }) => [host, new FailsAtFirst()]));
    let envoy: OutboundEnvoy;
    let port = 0;

    before(async () => {
      [port = 0] = await freePorts(1);
      const cache = new BuildCache({ verify: true });
      const outbound = new Outbound(cache, defaultMesh);
      const units = await Promise.all(
        cases.map(async ({ host, budget: retryBudget }) => {
          const server = apps.get(host)?.server.listen(0, '127.0.0.1');
          if (server === undefined) throw new Error(host);
          await once(server, 'listening');
          const { port: target } = server.address() as AddressInfo;
          const endpoints = [entryEndpoint('shop', '127.0.0.1')];
          const entry = serviceEntry('shop', host, host, [[port, target, 'http']], { resolution: 'STATIC', endpoints });
          const destination = { rule: `${host}.shop`, trafficPolicy: { ...noPolicy, retryBudget }, subsets: [] };
          const service = effectiveEntry(snapshotOf([entry]), entry, host, { ...wholePart(entry), destination });
          return [host, serviceUnit(cache, service, defaultMesh)] as const;
        }),
      );
      outbound.set(new Map(units));
      envoy = await OutboundEnvoy.start(version, outbound, 'shop', { ports: [port], dns: 1 });
    });

    after(async () => {
      await envoy[Symbol.asyncDispose]();
      for (const { server } of apps.values()) server.close();
    });

    for (const { host, retries } of cases)
      it(`${host}: ${retries} of ${requests} are sent again at a time`, async () => {
        const app = apps.get(host);
        if (app === undefined) throw new Error(host);
        expect(await retried(port, host, app)).to.equal(retries);
      });
  });
}
