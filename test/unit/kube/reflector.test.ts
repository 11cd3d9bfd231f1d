import { expect } from 'chai';
import type { KubeObject } from '../../../src/kube/object.ts';
import { type ReflectEvent, type ReflectOptions, reflect } from '../../../src/kube/reflector.ts';
import { type Logger, silentLogger } from '../../../src/lib/log.ts';
import {
  type OpenWatch,
  ScriptedKube,
  statusError,
  Taken,
  turnOfLoop,
  watchFailure,
  watchLine,
} from '../../support/scripted-kube.ts';

const path = '/api/v1/pods';

function pod(name: string, resourceVersion: string, more: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'foo', uid: `uid-${name}`, resourceVersion },
    ...more,
  };
}

function page(items: readonly KubeObject[], resourceVersion: string, token = ''): object {
  // As the API server: items of a list don't say what they are.
  const bare = items.map(({ apiVersion: _, kind: __, ...rest }) => rest);
  return { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion, continue: token }, items: bare };
}

const put = (object: KubeObject): ReflectEvent => ({ type: 'put', object });
const gone = (name: string): ReflectEvent => ({ type: 'delete', namespace: 'foo', name });
const synced: ReflectEvent = { type: 'synced' };
const bookmark = (resourceVersion: string): string =>
  watchLine('BOOKMARK', { kind: 'Pod', apiVersion: 'v1', metadata: { resourceVersion } });

class World {
  readonly kube = new ScriptedKube();
  readonly stop = new AbortController();
  readonly said: string[] = [];
  readonly taken: Taken<readonly ReflectEvent[]>;

  constructor(options: Partial<ReflectOptions> = {}) {
    const say =
      (level: string) =>
      (_fields: object, message: string): void => {
        if (level !== 'debug') this.said.push(`${level}: ${message}`);
      };
    const log: Logger = {
      ...silentLogger,
      debug: say('debug'),
      info: say('info'),
      warn: say('warn'),
      error: say('error'),
    };
    this.taken = new Taken(
      reflect({ client: this.kube, path, clock: this.kube.clock, random: () => 0, log, ...options }, this.stop.signal),
    );
  }

  /** Gets to an open watch from version `version`, with these pods listed. */
  async watching(pods: readonly KubeObject[] = [], version = '10'): Promise<OpenWatch> {
    const first = this.taken.next();
    (await this.kube.next()).answer(page(pods, version));
    const batches = [await first];
    if (pods.length > 0) batches.push(await this.taken.next());
    expect(batches.flat()).to.deep.equal([...pods.map(put), synced]);
    return await this.#openNext();
  }

  /** The consumer's next wait; what it gives is in {@link given}. */
  given: Promise<readonly ReflectEvent[] | undefined> = Promise.resolve(undefined);

  async #openNext(): Promise<OpenWatch> {
    this.given = this.taken.next();
    return (await this.kube.next()).open();
  }

  /** What was given, and the consumer waits again. */
  async took(): Promise<readonly ReflectEvent[] | undefined> {
    const events = await this.given;
    this.given = this.taken.next();
    return events;
  }
}

describe('reflect: lists', () => {
  it('reads a list page by page, says what items are, trims them, and is synced at the end of it', async () => {
    const trim = ({ apiVersion, kind, metadata }: KubeObject): KubeObject => ({
      ...(apiVersion === undefined ? {} : { apiVersion }),
      ...(kind === undefined ? {} : { kind }),
      metadata,
    });
    const { kube, taken } = new World({ pageSize: 2, labelSelector: 'app=a', fieldSelector: 'metadata.name=x', trim });
    const first = taken.next();
    const one = await kube.next();
    expect([one.kind, one.path, one.query]).to.deep.equal([
      'request',
      path,
      { labelSelector: 'app=a', fieldSelector: 'metadata.name=x', limit: 2, continue: undefined },
    ]);
    one.answer(page([pod('a', '1', { spec: { x: 1 } }), pod('b', '2')], '10', 'more'));
    expect(await first).to.deep.equal([put(pod('a', '1')), put(pod('b', '2'))]);
    const second = taken.next();
    const two = await kube.next();
    expect(two.query).to.include({ limit: 2, continue: 'more', labelSelector: 'app=a' });
    two.answer(page([pod('c', '3')], '10'));
    expect(await second).to.deep.equal([put(pod('c', '3'))]);
    expect(await taken.next()).to.deep.equal([synced]);
    void taken.next();
    const watch = await kube.next();
    expect([watch.kind, watch.query]).to.deep.equal([
      'watch',
      {
        labelSelector: 'app=a',
        fieldSelector: 'metadata.name=x',
        resourceVersion: '10',
        watch: true,
        allowWatchBookmarks: true,
        timeoutSeconds: 300,
      },
    ]);
  });

  it('leaves managed fields out unless told how to trim', async () => {
    const { kube, taken } = new World();
    const first = taken.next();
    const managed = { ...pod('a', '1').metadata, managedFields: [{ manager: 'kubectl' }] };
    (await kube.next()).answer(page([{ ...pod('a', '1'), metadata: managed }], '10'));
    expect(await first).to.deep.equal([put(pod('a', '1'))]);
  });

  it('takes a list without items for an empty one', async () => {
    const { kube, taken } = new World();
    const first = taken.next();
    (await kube.next()).answer({ kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items: null });
    expect(await first).to.deep.equal([synced]);
  });

  it('starts a list again whose continuation has expired, and tells nothing twice', async () => {
    const { kube, taken } = new World();
    const first = taken.next();
    (await kube.next()).answer(page([pod('a', '1'), pod('b', '2')], '10', 'more'));
    expect(await first).to.deep.equal([put(pod('a', '1')), put(pod('b', '2'))]);
    const second = taken.next();
    (await kube.next()).fail(statusError('gone'));
    const again = await kube.next();
    expect([again.kind, again.query['continue']]).to.deep.equal(['request', undefined]);
    again.answer(page([pod('b', '2'), pod('c', '3')], '20'));
    expect(await second).to.deep.equal([put(pod('c', '3'))]);
    expect(await taken.next()).to.deep.equal([gone('a'), synced]);
  });

  it('waits longer and longer while lists fail, up to 30 s, and shorter again after success', async () => {
    const { kube, taken, said } = new World();
    const first = taken.next();
    (await kube.next()).fail(statusError('unavailable'));
    const waits: number[] = [];
    for (let failure = 1; failure < 8; failure++) {
      const { asked, after } = await kube.nextWithin(60_000);
      waits.push(after);
      asked.fail(statusError('unavailable'));
    }
    expect(waits).to.deep.equal([800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000]);
    expect(said).to.deep.equal(['warn: the Kubernetes API fails: trying again, nothing changes']);
    (await kube.nextWithin(15_000)).asked.answer(page([], '1'));
    expect(await first).to.deep.equal([synced]);
    void taken.next();
    (await kube.next()).fail(statusError('unavailable'));
    expect((await kube.nextWithin(60_000)).after).to.equal(800);
  });

  it('draws lots for each wait: never less than half of it, never more than 30 s', async () => {
    const { kube, taken } = new World({ random: () => 1 - Number.EPSILON });
    void taken.next();
    (await kube.next()).fail(statusError('unavailable'));
    const waits: number[] = [];
    for (let failure = 1; failure < 7; failure++) {
      const { asked, after } = await kube.nextWithin(60_000);
      waits.push(after);
      asked.fail(statusError('unavailable'));
    }
    expect(waits).to.deep.equal([1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
  });

  it('does not take an answer for a list that is none', async () => {
    const { kube, taken } = new World();
    const first = taken.next();
    (await kube.next()).answer({ kind: 'Status' });
    const { asked, after } = await kube.nextWithin(60_000);
    expect(after).to.equal(800);
    asked.answer(page([], '1'));
    expect(await first).to.deep.equal([synced]);
  });
});

describe('reflect: watches', () => {
  it('gives what arrives together as one batch, and goes on from the last version after an orderly end', async () => {
    const world = new World();
    const watch = await world.watching([pod('a', '1')]);
    watch.send(watchLine('ADDED', pod('b', '11')) + watchLine('MODIFIED', pod('a', '12')));
    expect(await world.took()).to.deep.equal([put(pod('b', '11')), put(pod('a', '12'))]);
    watch.send(watchLine('DELETED', pod('a', '13')));
    expect(await world.took()).to.deep.equal([gone('a')]);
    watch.send(bookmark('20'));
    watch.end();
    const { asked, after } = await world.kube.nextWithin(0);
    expect([asked.kind, asked.query['resourceVersion'], after]).to.deep.equal(['watch', '20', 0]);
  });

  it('puts an event together that arrives in pieces, a character cut in two included', async () => {
    const world = new World();
    const watch = await world.watching();
    const line = Buffer.from(watchLine('ADDED', pod('a', '11', { spec: { note: 'grüße \u2028 weiter' } })));
    const cut = line.indexOf(0xc3) + 1;
    watch.send(line.subarray(0, cut));
    watch.send(line.subarray(cut));
    expect(await world.took()).to.deep.equal([put(pod('a', '11', { spec: { note: 'grüße \u2028 weiter' } }))]);
  });

  it('loses nothing of a watch that is cut in the middle of an event', async () => {
    const world = new World();
    const watch = await world.watching();
    watch.send(watchLine('ADDED', pod('a', '11')) + watchLine('ADDED', pod('b', '12')).slice(0, 30));
    expect(await world.took()).to.deep.equal([put(pod('a', '11'))]);
    watch.break();
    const { asked, after } = await world.kube.nextWithin(60_000);
    expect([asked.kind, asked.query['resourceVersion'], after]).to.deep.equal(['watch', '11', 800]);
    asked.open().send(watchLine('ADDED', pod('b', '12')));
    expect(await world.took()).to.deep.equal([put(pod('b', '12'))]);
  });

  it('goes on from the version of a deletion', async () => {
    const world = new World();
    const watch = await world.watching([pod('a', '1')]);
    watch.send(watchLine('DELETED', pod('a', '13')));
    expect(await world.took()).to.deep.equal([gone('a')]);
    watch.end();
    expect((await world.kube.next()).query['resourceVersion']).to.equal('13');
  });

  it('treats half a line at an orderly end alike', async () => {
    const world = new World();
    const watch = await world.watching();
    watch.send(bookmark('11') + watchLine('ADDED', pod('b', '12')).slice(0, 30));
    watch.end();
    const { asked } = await world.kube.nextWithin(0);
    expect(asked.query['resourceVersion']).to.equal('11');
  });

  it('resumes without a list however often the connection breaks', async () => {
    const world = new World();
    (await world.watching()).break();
    for (const wait of [800, 1_600, 3_200]) {
      const { asked, after } = await world.kube.nextWithin(60_000);
      expect([asked.kind, asked.query['resourceVersion'], after]).to.deep.equal(['watch', '10', wait]);
      asked.fail(statusError('unavailable'));
    }
  });

  it('does not hammer a server that ends each watch at once', async () => {
    const world = new World();
    (await world.watching()).end();
    const first = await world.kube.nextWithin(60_000);
    first.asked.open().end();
    const second = await world.kube.nextWithin(60_000);
    expect([first.after, second.after]).to.deep.equal([800, 1_600]);
    const watch = second.asked.open();
    await turnOfLoop();
    world.kube.clock.advance(1_000);
    watch.end();
    expect((await world.kube.nextWithin(60_000)).after).to.equal(0);
  });

  for (const [what, refuse] of [
    ['refused with 410', (watch: OpenWatch) => watch.end()],
    ['ended by an ERROR event 410', (watch: OpenWatch) => watch.send(watchFailure(410))],
  ] as const) {
    it(`lists again after a watch ${what}, and tells the difference only`, async () => {
      const world = new World();
      const watch = await world.watching([pod('a', '1'), pod('b', '2'), pod('c', '3'), pod('d', '4')]);
      watch.send(bookmark('10'));
      await turnOfLoop();
      refuse(watch);
      let { asked } = await world.kube.nextWithin(0);
      if (asked.kind === 'watch') {
        asked.fail(statusError('gone'));
        asked = await world.kube.next();
      }
      expect([asked.kind, asked.query['resourceVersion']]).to.deep.equal(['request', undefined]);
      const remade = { ...pod('c', '3'), metadata: { ...pod('c', '3').metadata, uid: 'another' } };
      asked.answer(page([pod('a', '1'), pod('b', '22'), remade, pod('e', '23')], '30'));
      expect(await world.took()).to.deep.equal([put(pod('b', '22')), put(remade), put(pod('e', '23'))]);
      expect(await world.took()).to.deep.equal([gone('d')]);
      const next = await world.kube.next();
      expect([next.kind, next.query['resourceVersion']]).to.deep.equal(['watch', '30']);
    });
  }

  it('says nothing after a relist that shows no difference', async () => {
    const world = new World();
    const watch = await world.watching([pod('a', '1')]);
    watch.send(watchFailure(410));
    (await world.kube.next()).answer(page([pod('a', '1')], '30'));
    const again = (await world.kube.next()).open();
    again.send(watchLine('MODIFIED', pod('a', '31')));
    expect(await world.took()).to.deep.equal([put(pod('a', '31'))]);
  });

  it('waits before the next list where 410 follows on 410', async () => {
    const world = new World();
    (await world.watching()).send(watchFailure(410));
    (await world.kube.next()).answer(page([], '30'));
    (await world.kube.next()).fail(statusError('gone'));
    const { asked, after } = await world.kube.nextWithin(60_000);
    expect([asked.kind, after]).to.deep.equal(['request', 800]);
  });

  it('resumes after any other ERROR event, with a wait', async () => {
    const world = new World();
    (await world.watching()).send(watchLine('ADDED', pod('a', '11')) + watchFailure(500));
    expect(await world.took()).to.deep.equal([put(pod('a', '11'))]);
    const { asked, after } = await world.kube.nextWithin(60_000);
    expect([asked.kind, asked.query['resourceVersion'], after]).to.deep.equal(['watch', '11', 800]);
  });

  for (const [what, line] of [
    ['no JSON', 'what?\n'],
    ['no event', '{"kind":"Pod"}\n'],
    ['an event without a named object', '{"type":"ADDED","object":{"metadata":{}}}\n'],
    ['a bookmark without a version', '{"type":"BOOKMARK","object":{"metadata":{}}}\n'],
  ] as const) {
    it(`lists again after a line that is ${what}, and takes what came before it`, async () => {
      const world = new World();
      (await world.watching()).send(watchLine('ADDED', pod('a', '11')) + line + watchLine('ADDED', pod('b', '12')));
      expect(await world.took()).to.deep.equal([put(pod('a', '11'))]);
      const { asked, after } = await world.kube.nextWithin(60_000);
      expect([asked.kind, after]).to.deep.equal(['request', 800]);
      asked.answer(page([pod('a', '11'), pod('b', '12')], '12'));
      expect(await world.took()).to.deep.equal([put(pod('b', '12'))]);
    });
  }

  it('lets empty lines and unknown types of events be', async () => {
    const world = new World();
    const watch = await world.watching();
    watch.send(`\n${watchLine('NEWS', {})}\r\n${watchLine('ADDED', pod('a', '11'))}`);
    expect(await world.took()).to.deep.equal([put(pod('a', '11'))]);
  });

  it('tells nothing twice when the server does', async () => {
    const world = new World();
    const watch = await world.watching([pod('a', '1')]);
    watch.send(watchLine('ADDED', pod('a', '1')) + watchLine('DELETED', pod('x', '11')));
    watch.send(watchLine('ADDED', pod('b', '12')));
    expect(await world.took()).to.deep.equal([put(pod('b', '12'))]);
  });

  it('gives a watch up that is silent for longer than it can be, and sooner once bookmarks are known', async () => {
    const world = new World();
    const watch = await world.watching();
    const first = await world.kube.nextWithin(400_000);
    // 300 s and 30 s of grace, then the wait after a failure.
    expect([first.asked.kind, first.after, watch.closed]).to.deep.equal(['watch', 330_800, true]);
    first.asked.open().send(bookmark('20'));
    const second = await world.kube.nextWithin(400_000);
    expect([second.asked.query['resourceVersion'], second.after]).to.deep.equal(['20', 150_800]);
    second.asked.open();
    expect((await world.kube.nextWithin(400_000)).after).to.equal(151_600);
  });

  it('gives an attempt up that nobody answers', async () => {
    const world = new World();
    const first = world.taken.next();
    (await world.kube.next()).answer(page([], '10'));
    expect(await first).to.deep.equal([synced]);
    void world.taken.next();
    await world.kube.next();
    expect((await world.kube.nextWithin(60_000)).after).to.equal(30_800);
  });
});

describe('reflect: what is missing or forbidden', () => {
  it('says once that a kind is absent, looks again every few seconds, and finds it', async () => {
    const { kube, taken } = new World();
    const first = taken.next();
    (await kube.next()).fail(statusError('not-found'));
    expect(await first).to.deep.equal([{ type: 'absent' }]);
    const second = taken.next();
    const waits: number[] = [];
    for (let look = 0; look < 4; look++) {
      const { asked, after } = await kube.nextWithin(60_000);
      waits.push(after);
      if (look < 3) asked.fail(statusError('not-found'));
      else asked.answer(page([pod('a', '1')], '10'));
    }
    expect(waits).to.deep.equal([2_000, 4_000, 8_000, 10_000]);
    expect(await second).to.deep.equal([put(pod('a', '1'))]);
    expect(await taken.next()).to.deep.equal([synced]);
  });

  it('lets everything go of a kind that vanishes, once a second look has shown it', async () => {
    const world = new World();
    const watch = await world.watching([pod('a', '1'), pod('b', '2')]);
    watch.break();
    (await world.kube.nextWithin(800)).asked.fail(statusError('not-found'));
    const { asked, after } = await world.kube.nextWithin(60_000);
    expect([asked.kind, after]).to.deep.equal(['request', 2_000]);
    asked.fail(statusError('not-found'));
    expect(await world.took()).to.deep.equal([gone('a'), gone('b'), { type: 'absent' }]);
    (await world.kube.nextWithin(10_000)).asked.answer(page([pod('b', '5')], '20'));
    // Not synced again: that is said once.
    expect(await world.took()).to.deep.equal([put(pod('b', '5'))]);
    expect((await world.kube.next()).kind).to.equal('watch');
  });

  it('loses nothing for one 404 while something restarts', async () => {
    const world = new World();
    (await world.watching([pod('a', '1')])).break();
    (await world.kube.nextWithin(800)).asked.fail(statusError('not-found'));
    (await world.kube.nextWithin(2_000)).asked.answer(page([pod('a', '1'), pod('b', '2')], '20'));
    expect(await world.took()).to.deep.equal([put(pod('b', '2'))]);
  });

  it('says once which right is missing, and asks every 30 s until it has it', async () => {
    const world = new World();
    const first = world.taken.next();
    (await world.kube.next()).fail(statusError('permission-denied', 'cannot list resource "pods"'));
    const { asked, after } = await world.kube.nextWithin(60_000);
    expect(after).to.equal(30_000);
    asked.fail(statusError('permission-denied'));
    (await world.kube.nextWithin(30_000)).asked.answer(page([], '1'));
    expect(await first).to.deep.equal([synced]);
    expect(world.said).to.deep.equal([
      'warn: not allowed to read a kind: grant the missing right',
      'info: the missing right was granted',
    ]);
  });
});

describe('reflect: its consumer', () => {
  it('reads nothing while a slow consumer is busy, and asks the server for nothing', async () => {
    const world = new World();
    const watch = await world.watching();
    for (let n = 0; n < 5; n++) watch.send(watchLine('ADDED', pod(`p${n}`, `${11 + n}`)));
    expect(await world.given).to.deep.equal([put(pod('p0', '11'))]);
    for (let turn = 0; turn < 20; turn++) await turnOfLoop();
    expect(watch.unread).to.equal(4);
    // Time that the consumer takes is no silence of the server.
    world.kube.clock.advance(1_000_000);
    expect(await world.taken.next()).to.deep.equal([put(pod('p1', '12'))]);
    expect([watch.unread, watch.closed]).to.deep.equal([3, false]);
  });

  it('closes its watch when the consumer leaves', async () => {
    const kube = new ScriptedKube();
    const stop = new AbortController();
    const options = { client: kube, path, clock: kube.clock, random: () => 0, log: silentLogger };
    const reflection = reflect(options, stop.signal);
    const first = reflection.next();
    (await kube.next()).answer(page([], '1'));
    await first;
    const second = reflection.next();
    const watch = (await kube.next()).open();
    watch.send(watchLine('ADDED', pod('a', '2')));
    await second;
    await reflection.return();
    expect(watch.closed).to.equal(true);
  });

  for (const [what, reach] of [
    ['a list', async (world: World) => void (await world.kube.next())],
    ['a wait', async (world: World) => (await world.kube.next()).fail(statusError('unavailable'))],
    [
      'a watch',
      async (world: World) => {
        (await world.kube.next()).answer(page([], '1'));
        await world.given;
        world.given = world.taken.next();
        (await world.kube.next()).open();
      },
    ],
  ] as const) {
    it(`ends in the middle of ${what} when it is told to`, async () => {
      const world = new World();
      world.given = world.taken.next();
      await reach(world);
      await turnOfLoop();
      world.stop.abort();
      expect(await world.given).to.equal(undefined);
      expect(world.kube.unanswered).to.equal(0);
    });
  }
});
