import { expect } from 'chai';
import { FakeClock } from '../../../src/lib/clock.ts';
import { PushQueue } from '../../../src/xds/push-queue.ts';

const immediate = () => new Promise((resolve) => setImmediate(resolve));

describe('the push queue', () => {
  const timing = { quietMs: 2, maxMs: 50, slice: 3 };

  it('serves a change almost at once, and once', () => {
    const clock = new FakeClock();
    const served: string[] = [];
    using queue = new PushQueue<string>(clock, timing, (item) => served.push(item));
    queue.add('a');
    queue.add('b');
    queue.add('a');
    clock.advance(1);
    expect(served).to.deep.equal([]);
    clock.advance(1);
    expect(served).to.deep.equal(['a', 'b']);
    clock.advance(100);
    expect(served).to.deep.equal(['a', 'b']);
  });

  it('waits for the end of a burst, but not for ever', () => {
    const clock = new FakeClock();
    const served: number[] = [];
    using queue = new PushQueue<string>(clock, timing, () => served.push(clock.now()));
    for (let at = 0; at < 60; at++) {
      queue.add('a');
      clock.advance(1);
    }
    clock.advance(10);
    expect(served).to.deep.equal([50, 61]);
  });

  it('serves many in slices', async () => {
    const clock = new FakeClock();
    const served: number[] = [];
    using queue = new PushQueue<number>(clock, timing, (item) => served.push(item));
    for (let i = 0; i < 7; i++) {
      queue.add(i);
    }
    clock.advance(2);
    expect(served.length).to.equal(3);
    queue.remove(6);
    queue.add(7);
    await immediate();
    expect(served).to.deep.equal([0, 1, 2, 3, 4, 5]);
    await immediate();
    expect(served).to.deep.equal([0, 1, 2, 3, 4, 5, 7]);
    queue.add(8);
    clock.advance(2);
    expect(served.at(-1)).to.equal(8);
  });
});
