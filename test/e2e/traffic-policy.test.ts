import { expect } from 'chai';
import { envoysUnderTest, type Mesh } from '../support/e2e-mesh.ts';
import { isAnswer } from '../support/e2e-probe.ts';
import type { HttpAnswer } from '../support/e2e-probe-types.ts';
import { clusterOf, members, portOf, serviceOf, trafficMesh, type WayName } from '../support/e2e-traffic.ts';
import { eventually } from '../support/sandbox.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
  /** Who answered; '' for the client's own sidecar. */
  readonly name: string;
  readonly protocol: string;
  readonly connection: number;
}

/** What the traffic settings of a rule do on the wire (behaviour.md 4.5): balancing, limits, outliers. */
for (const envoy of envoysUnderTest()) {
  describe(`traffic settings of a DestinationRule on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await trafficMesh(envoy.path);
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    const client = 'sleep.bar';

    async function call(
      way: WayName,
      more: {
        readonly path?: string;
        readonly headers?: Readonly<Record<string, string>>;
        readonly from?: string;
      } = {},
    ): Promise<Answer> {
      const { path = '/', headers = {}, from = client } = more;
      const answer = await mesh.probe(from).ask('http', { host: serviceOf(way), port: portOf(way), path, headers });
      if (!isAnswer(answer)) return { status: 0, body: answer.error, name: '', protocol: '', connection: 0 };
      const {
        name = '',
        protocol = '',
        connection = 0,
      }: Partial<Answer> = answer.body.startsWith('{') ? JSON.parse(answer.body) : {};
      return { ...answer, name, protocol, connection };
    }

    /** Who answers several calls, one after the other. */
    async function namesOf(count: number, one: () => Promise<Answer>): Promise<readonly string[]> {
      const names: string[] = [];
      for (let index = 0; index < count; index += 1) names.push((await one()).name);
      return names;
    }

    async function tcpName(way: WayName, from = client): Promise<string> {
      const answer = await mesh.probe(from).ask('tcp', { host: serviceOf(way), port: portOf(way), say: 'hello' });
      return 'reply' in answer ? answer.reply : answer.error;
    }

    /** A statistic of the way's cluster. */
    async function stat(way: WayName, name: string): Promise<number> {
      const full = `cluster.${clusterOf(way)}.${name}`;
      const escaped = full.replaceAll(/[.|]/g, '\\$&');
      return (await mesh.probe(client).stats(`^${escaped}$`))[full] ?? 0;
    }

    const times = (names: readonly string[]): readonly number[] =>
      members.map((member) => names.filter((each) => each === member).length);

    describe('load balancing', () => {
      it('ROUND_ROBIN gives to each in turn', async () => {
        expect(times(await namesOf(12, () => call('roundRobin')))).to.deep.equal([4, 4, 4]);
      });

      for (const way of ['plain', 'random', 'leastRequest'] as const) {
        it(`${way} gives to all`, async () => {
          await eventually('everybody to have answered', async () =>
            times(await namesOf(12, () => call(way))).every((count) => count > 0) ? true : undefined,
          );
        });
      }

      it('PASSTHROUGH keeps the address that the client chose', async () => {
        const { ip } = mesh.sandbox.pod('two.legacy');
        const args = ['-H', `host: ${serviceOf('passthrough')}`, `http://${ip}:8080/`];
        const names = await namesOf(6, async () => {
          const { status, body } = await mesh.probe(client).ask('curl', { args });
          return { ...JSON.parse(body), status, body };
        });
        expect(times(names)).to.deep.equal([0, 6, 0]);
      });

      for (const [way, ask] of [
        ['byHeader', (user: string, from: string) => call('byHeader', { headers: { 'x-user': user }, from })],
        [
          'byHeaderMaglev',
          (user: string, from: string) => call('byHeaderMaglev', { headers: { 'x-user': user }, from }),
        ],
        ['byQuery', (user: string, from: string) => call('byQuery', { path: `/?user=${user}`, from })],
      ] as const) {
        it(`${way} keeps each user to one server`, async () => {
          const users = Array.from({ length: 12 }, (_, index) => `user-${index}`);
          const seen = new Map<string, string>();
          for (const user of users) {
            const names = new Set(await namesOf(3, () => ask(user, client)));
            expect(names.size, user).to.equal(1);
            seen.set(user, [...names].join());
          }
          expect(new Set(seen.values()).size).to.be.greaterThan(1);
        });
      }

      it('a cookie is handed out, and leads to the same server again', async () => {
        const url = `http://${serviceOf('byCookie')}:${portOf('byCookie')}/`;
        const fetchWith = async (args: readonly string[]) => {
          const { body } = await mesh.probe(client).ask('curl', { args: ['--include', ...args, url] });
          return {
            cookie: /^set-cookie: (user="?[^";]+"?);? ?(.*)$/im.exec(body)?.slice(1, 3),
            name: String(JSON.parse(body.slice(body.indexOf('{'))).name),
          };
        };
        const seen = new Set<string>();
        await eventually('cookies of more than one server', async () => {
          const first = await fetchWith([]);
          const [cookie = '', attributes = ''] = first.cookie ?? [];
          expect(attributes.toLowerCase()).to.include('max-age=3600');
          for (let index = 0; index < 4; index += 1) {
            expect(await fetchWith(['--cookie', cookie])).to.deep.equal({ cookie: undefined, name: first.name });
          }
          seen.add(first.name);
          return seen.size > 1 ? true : undefined;
        });
      });

      it('useSourceIp keeps a client to one server, over HTTP and TCP', async () => {
        expect(new Set(await namesOf(8, () => call('bySource'))).size).to.equal(1);
        const names = new Set<string>();
        for (let index = 0; index < 8; index += 1) names.add(await tcpName('bySourceTcp'));
        expect(names.size).to.equal(1);
        expect(members).to.include([...names][0]);
      });
    });

    describe('subsets', () => {
      const ask = (subset: string) => call('parted', { headers: { 'x-subset': subset } });

      it('are the endpoints with their labels', async () => {
        expect(times(await namesOf(6, () => ask('one')))).to.deep.equal([6, 0, 0]);
        expect(times(await namesOf(6, () => ask('two')))).to.deep.equal([0, 6, 0]);
        await eventually('all to answer where no subset is named', async () =>
          times(await namesOf(12, () => ask('any'))).every((count) => count > 0) ? true : undefined,
        );
      });

      it('may have settings of their own', async () => {
        const [plain, upgraded] = [await ask('two'), await ask('upgraded')];
        expect([plain.name, plain.protocol, upgraded.name, upgraded.protocol]).to.deep.equal([
          'two',
          'HTTP/1.1',
          'two',
          'HTTP/2.0',
        ]);
      });

      it('without endpoints answer 503', async () => {
        const { status, body } = await ask('nobody');
        expect([status, body]).to.deep.equal([503, 'no healthy upstream']);
      });
    });

    describe('connection pool', () => {
      const local = async (path: string): Promise<Partial<HttpAnswer>> => {
        const answer = await mesh.probe('one.legacy').ask('http', { host: '127.0.0.1', port: 8080, path });
        return isAnswer(answer) ? answer : {};
      };

      /** Calls that the server holds, until it is told to let them go. */
      async function hold(way: WayName, count: number, refused: number): Promise<readonly Answer[]> {
        let done = 0;
        const one = async (): Promise<Answer> => {
          const answer = await call(way, { path: '/hold' });
          done += 1;
          return answer;
        };
        // While a connection isn't up, the request that it is for waits, too.
        const first = one();
        await eventually('the first to be held', async () => {
          const { body = '' } = await local('/held');
          return body.includes('"held":1') ? true : undefined;
        });
        const calls = [first, ...Array.from({ length: count - 1 }, one)];
        await eventually(`${refused} of ${count} to be refused`, () => (done === refused ? true : undefined));
        const others = Promise.all(calls);
        await eventually('the others to be let go', async () => {
          await local('/release');
          return done === count ? true : undefined;
        });
        return await others;
      }

      const overflow = 'upstream connect error or disconnect/reset before headers. reset reason: overflow';
      const sorted = (answers: readonly Answer[]): readonly string[] =>
        answers.map(({ status, name, body }) => `${status} ${name || body}`).sort();

      it('one connection and one request that waits for it: all others get 503 at once', async () => {
        const before = await stat('pending', 'upstream_rq_pending_overflow');
        expect(sorted(await hold('pending', 5, 3))).to.deep.equal([
          '200 one',
          '200 one',
          ...Array(3).fill(`503 ${overflow}`),
        ]);
        expect((await stat('pending', 'upstream_rq_pending_overflow')) - before).to.equal(3);
        expect(await stat('pending', 'upstream_cx_total')).to.equal(1);
      });

      it('http2MaxRequests bounds requests of HTTP/1.1 alike', async () => {
        expect(sorted(await hold('requests', 5, 3))).to.deep.equal([
          '200 one',
          '200 one',
          ...Array(3).fill(`503 ${overflow}`),
        ]);
      });

      it('without limits nobody is refused', async () => {
        expect(sorted(await hold('noLimit', 5, 0))).to.deep.equal(Array(5).fill('200 one'));
      });

      it('maxConnections of TCP: the next connection ends', async () => {
        const probe = mesh.probe(client);
        const to = { host: serviceOf('connections'), port: portOf('connections') };
        const first = await probe.ask('open', to);
        expect(await probe.ask('say', { connection: first, text: 'hello' })).to.deep.equal({ reply: 'one' });
        expect(await tcpName('connections')).to.be.oneOf(['closed', 'reset']);
        expect(await stat('connections', 'upstream_cx_overflow')).to.equal(1);
        expect(await probe.ask('say', { connection: first, text: 'hello' })).to.deep.equal({ reply: 'one' });
      });

      it('maxRequestsPerConnection opens a connection for each, where else one is used again', async () => {
        const numbers = async (way: WayName): Promise<number> => {
          const seen = new Set<number>();
          for (let index = 0; index < 4; index += 1) seen.add((await call(way)).connection);
          return seen.size;
        };
        expect([await numbers('oneRequestEach'), await numbers('noLimit')]).to.deep.equal([4, 1]);
      });

      it('idleTimeout of TCP ends a connection that is not used', async () => {
        const probe = mesh.probe(client);
        const connection = await probe.ask('open', { host: serviceOf('idle'), port: portOf('idle') });
        const { state } = await probe.ask('ended', { connection, timeoutMs: 10_000 });
        expect(state).to.equal('closed');
      });

      it('connectTimeout: nobody answers, and the client hears of it', async () => {
        const { status, body } = await call('quickTimeout');
        expect([status, body.replace('retried and the latest ', '')]).to.deep.equal([
          503,
          'upstream connect error or disconnect/reset before headers. reset reason: connection timeout',
        ]);
        expect(await stat('quickTimeout', 'upstream_cx_connect_timeout')).to.be.greaterThan(0);
      });

      it('h2UpgradePolicy speaks HTTP/2 to the server, useClientProtocol what the client spoke', async () => {
        const url = (way: WayName): string => `http://${serviceOf(way)}:${portOf(way)}/`;
        const spoken = async (way: WayName, ...args: readonly string[]): Promise<string> =>
          JSON.parse((await mesh.probe(client).ask('curl', { args: [...args, url(way)] })).body).protocol;
        const h2 = '--http2-prior-knowledge';
        expect({
          upgraded: [await spoken('upgraded'), await spoken('upgraded', h2)],
          asClient: [await spoken('asClient'), await spoken('asClient', h2)],
          nothing: [await spoken('noLimit'), await spoken('noLimit', h2)],
        }).to.deep.equal({
          upgraded: ['HTTP/2.0', 'HTTP/2.0'],
          asClient: ['HTTP/1.1', 'HTTP/2.0'],
          nothing: ['HTTP/1.1', 'HTTP/1.1'],
        });
      });
    });

    describe('outlier detection', () => {
      /** Calls until the member that fails is left out; tells how often it failed. */
      async function untilEjected(way: WayName): Promise<number> {
        let errors = 0;
        return await eventually('a server that fails to be left out', async () => {
          if ((await call(way, { path: '/fails/three' })).status === 500) errors += 1;
          return (await stat(way, 'outlier_detection.ejections_enforced_consecutive_5xx')) > 0 ? errors : undefined;
        });
      }
      const statuses = async (way: WayName): Promise<ReadonlySet<number>> => {
        const seen = new Set<number>();
        for (let index = 0; index < 24; index += 1) seen.add((await call(way, { path: '/fails/three' })).status);
        return seen;
      };

      it('leaves out a server that answers 5xx', async () => {
        // Envoy's own count would be 5.
        expect(await untilEjected('ejected')).to.be.within(2, 4);
        expect([...(await statuses('ejected'))]).to.deep.equal([200]);
        expect(await stat('ejected', 'outlier_detection.ejections_active')).to.equal(1);
      });

      it('without maxEjectionPercent, 10 % of three servers is none', async () => {
        await eventually('it to be too many to leave out', async () => {
          await statuses('ejectedByDefault');
          return (await stat('ejectedByDefault', 'outlier_detection.ejections_overflow')) > 0 ? true : undefined;
        });
        expect([...(await statuses('ejectedByDefault'))].sort()).to.deep.equal([200, 500]);
        expect(await stat('ejectedByDefault', 'outlier_detection.ejections_active')).to.equal(0);
      });

      it('nobody is left out where no rule says so', async () => {
        await eventually('its errors to be seen', async () => ((await statuses('plain')).has(500) ? true : undefined));
        expect([...(await statuses('plain'))].sort()).to.deep.equal([200, 500]);
      });

      it('takes it back after a while', async () => {
        await untilEjected('ejectedForAWhile');
        await eventually('it to answer again', async () =>
          (await call('ejectedForAWhile')).name === 'three' ? true : undefined,
        );
      });
    });
  });
}
