import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { FakeClock } from '../../../src/lib/clock.ts';
import { Connections, defaultAgeLimits, type Link, linkOf } from '../../../src/xds/connections.ts';

const maxAgeMs = 1000;

/** A connection that writes down what happens to it and its streams, with the time. */
class FakeLink extends EventEmitter implements Link {
  readonly events: string[] = [];
  readonly #clock: FakeClock;
  closed = false;

  constructor(clock: FakeClock) {
    super();
    this.#clock = clock;
  }

  close(): void {
    this.closed = true;
    this.note('goaway');
  }

  destroy(): void {
    this.note('cut');
    this.emit('close');
  }

  stream(name: string) {
    return { leave: () => this.note(`${name} leaves`) };
  }

  note(what: string): void {
    this.events.push(`${this.#clock.now()} ${what}`);
  }
}

function world(draws: readonly number[], limits = { maxAgeMs, lingerMs: 100 }) {
  const clock = new FakeClock();
  const left = [...draws];
  let aged = 0;
  const connections = new Connections(
    clock,
    () => left.shift() ?? Number.NaN,
    limits,
    () => {
      aged++;
    },
  );
  return { clock, connections, aged: () => aged, link: () => new FakeLink(clock) };
}

describe('connections', () => {
  it('end at an age that each of them draws once: GOAWAY, then its streams, then a cut', () => {
    const { clock, connections, aged, link } = world([0, 0.5, 1]);
    const links = [link(), link(), link()];
    for (const each of links) {
      connections.join(each, each.stream('a'));
      connections.join(each, each.stream('b'));
    }
    clock.advance(10_000);
    const expected = (at: number) => [`${at} goaway`, `${at} a leaves`, `${at} b leaves`, `${at + 100} cut`];
    expect(links.map(({ events }) => events)).to.deep.equal([900, 1000, 1100].map(expected));
    expect(aged()).to.equal(3);
    expect(connections.size).to.equal(0);
  });

  it('keep their age when a stream ends and another one opens', () => {
    const { clock, connections, link } = world([0.5]);
    const one = link();
    connections.join(one, one.stream('a'))[Symbol.dispose]();
    clock.advance(600);
    connections.join(one, one.stream('b'));
    clock.advance(400);
    expect(one.events).to.deep.equal(['1000 goaway', '1000 b leaves']);
  });

  it('are forgotten when they close before, and are not cut when they close in time', () => {
    const { clock, connections, aged, link } = world([0.5, 0.5]);
    const [early, polite] = [link(), link()];
    connections.join(early, early.stream('a'));
    connections.join(polite, polite.stream('a'));
    early.emit('close');
    expect(connections.size).to.equal(1);
    clock.advance(1050);
    polite.emit('close');
    clock.advance(10_000);
    expect(early.events).to.deep.equal([]);
    expect(polite.events).to.deep.equal(['1000 goaway', '1000 a leaves']);
    expect(aged()).to.equal(1);
  });

  it('send no second GOAWAY', () => {
    const { clock, connections, link } = world([0.5]);
    const one = link();
    connections.join(one, one.stream('a'));
    one.closed = true;
    clock.advance(1000);
    expect(one.events).to.deep.equal(['1000 a leaves']);
  });

  it('live for ever where that is asked for, or when the server goes', () => {
    const never = world([0.5], { maxAgeMs: 0, lingerMs: 100 });
    const one = never.link();
    never.connections.join(one, one.stream('a'));
    never.clock.advance(1_000_000);
    expect(one.events).to.deep.equal([]);

    const gone = world([0.5]);
    const other = gone.link();
    gone.connections.join(other, other.stream('a'));
    gone.connections[Symbol.dispose]();
    gone.clock.advance(1_000_000);
    expect(other.events).to.deep.equal([]);
  });

  it('live for half an hour by default', () => {
    expect(defaultAgeLimits.maxAgeMs).to.equal(1_800_000);
  });

  it('are not found where a call has none', () => {
    for (const call of [undefined, null, {}, { call: {} }, { call: { stream: { session: { close: 1 } } } }]) {
      expect(linkOf(call)).to.equal(undefined);
    }
  });
});
