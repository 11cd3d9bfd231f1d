import { expect } from 'chai';
import { Turns } from '../../../src/jwks/turns.ts';

const signal = new AbortController().signal;

describe('turns of fetching', () => {
  /** What has a turn, by name. */
  function started(turns: Turns) {
    const running = new Map<string, Disposable>();
    return {
      running,
      ask(name: string, host: string, owners: readonly string[], until = signal): void {
        void turns.take(host, owners, until).then((turn) => turn !== undefined && running.set(name, turn));
      },
      end(name: string): void {
        running.get(name)?.[Symbol.dispose]();
        running.delete(name);
      },
      async names(): Promise<readonly string[]> {
        await new Promise((resolve) => setImmediate(resolve));
        return [...running.keys()].sort();
      },
    };
  }

  it('are bounded in all, for one server, and for one namespace', async () => {
    const all = started(new Turns({ total: 2, host: 9, owner: 9 }));
    for (const name of ['a', 'b', 'c']) all.ask(name, name, [name]);
    expect(await all.names()).to.deep.equal(['a', 'b']);
    all.end('a');
    expect(await all.names()).to.deep.equal(['b', 'c']);

    const host = started(new Turns({ total: 9, host: 1, owner: 9 }));
    host.ask('a', 'x', ['foo']);
    host.ask('b', 'x', ['bar']);
    host.ask('c', 'y', ['foo']);
    expect(await host.names()).to.deep.equal(['a', 'c']);
    host.end('a');
    expect(await host.names()).to.deep.equal(['b', 'c']);

    const owner = started(new Turns({ total: 9, host: 9, owner: 1 }));
    owner.ask('a', 'x', ['foo']);
    owner.ask('b', 'y', ['foo']);
    owner.ask('c', 'z', ['bar', 'foo']);
    expect(await owner.names()).to.deep.equal(['a', 'c']);
  });

  it('go to the namespace with the fewest, so that a flood waits for itself', async () => {
    const turns = started(new Turns({ total: 3, host: 9, owner: 9 }));
    for (const index of [1, 2, 3, 4, 5]) turns.ask(`flood${index}`, `h${index}`, ['flood']);
    turns.ask('quiet', 'q', ['quiet']);
    expect(await turns.names()).to.deep.equal(['flood1', 'flood2', 'flood3']);
    turns.end('flood1');
    expect(await turns.names()).to.deep.equal(['flood2', 'flood3', 'quiet']);
  });

  it('are given back once, and not taken by who has left', async () => {
    const turns = started(new Turns({ total: 1, host: 9, owner: 9 }));
    const leave = new AbortController();
    turns.ask('a', 'x', ['foo']);
    turns.ask('left', 'x', ['foo'], leave.signal);
    turns.ask('b', 'x', ['foo']);
    turns.ask('c', 'x', ['foo']);
    await turns.names();
    leave.abort();
    const first = turns.running.get('a');
    turns.end('a');
    first?.[Symbol.dispose]();
    expect(await turns.names()).to.deep.equal(['b']);
    expect(await new Turns().take('x', ['foo'], leave.signal)).to.equal(undefined);
  });
});
