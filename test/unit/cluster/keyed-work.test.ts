import { expect } from 'chai';
import { KeyedWork } from '../../../src/cluster/keyed-work.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { settle } from './helpers.ts';

describe('cluster/keyed-work', () => {
  it('does a thing once more where it was touched while it was done, and once only', async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let runs = 0;
    await using work = new KeyedWork({
      clock: new FakeClock(0),
      random: () => 0,
      log: silentLogger,
      parallel: 4,
      run: async () => {
        await gates[runs++]?.promise;
        return 'wrote';
      },
    });
    for (let touch = 0; touch < 5; touch++) work.touch('a');
    expect(runs).to.equal(1);
    for (let touch = 0; touch < 5; touch++) work.touch('a');
    gates[0]?.resolve();
    await settle();
    expect(runs).to.equal(2);
    gates[1]?.resolve();
    await settle();
    expect(runs).to.equal(2);
  });

  it('waits for what runs when it ends, tells it so, and begins nothing more', async () => {
    const started: string[] = [];
    const work = new KeyedWork({
      clock: new FakeClock(0),
      random: () => 0,
      log: silentLogger,
      parallel: 1,
      run: async (key, signal) => {
        started.push(key);
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        started.push(`${key} told`);
        throw new Error('cut short');
      },
    });
    work.touch('a');
    work.touch('b');
    await settle();
    await work[Symbol.asyncDispose]();
    await settle();
    work.touch('c');
    expect(started).to.deep.equal(['a', 'a told']);
  });
});
