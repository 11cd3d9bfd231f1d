import { expect } from 'chai';
import type { ConditionStatus, Verdict } from '../../../../src/cluster/status/conditions.ts';
import { type Stored, storedOf } from '../../../../src/cluster/status/stored.ts';
import { StatusWriter } from '../../../../src/cluster/status/writer.ts';
import { MeshError, type MeshErrorCode } from '../../../../src/lib/errors.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { advance, kindPath, said, statusKube, stored } from '../../../support/status-kube.ts';

const kind = {
  group: 'security.istio.io',
  kind: 'PeerAuthentication',
  plural: 'peerauthentications',
  counted: true,
} as const;
const path = kindPath.PeerAuthentication;

/** A writer that wants what `wanted` says, of objects that the fake API has. */
function start(merges = true) {
  const { kube, clock } = statusKube();
  const state: { wanted: string | undefined; status: ConditionStatus; reason: string } = {
    wanted: 'first',
    status: 'False',
    reason: 'Pending',
  };
  const verdict = (message: string): Verdict => {
    return { type: 'Enforced', status: state.status, reason: state.reason, message, observedGeneration: 1 };
  };
  const options = { client: kube, clock, random: () => 0.5, log: silentLogger };
  const wanted = (): readonly Verdict[] | undefined =>
    state.wanted === undefined ? undefined : [verdict(state.wanted)];
  const writer = new StatusWriter({ ...options, wanted });
  const add = (name: string, conditions: readonly object[] = []): Stored => {
    const found = { apiVersion: 'security.istio.io/v1', merges };
    const one = storedOf(kind, found, kube.put(path, stored('foo', name, 1, conditions)));
    writer.put(one);
    return one;
  };
  return { kube, clock, state, writer, add };
}

describe('the status writer', () => {
  it('applies what is wanted to the status, forced, with the uid', async () => {
    const { kube, clock, writer, add } = start();
    await using _writer = writer;
    add('web', [{ type: 'Ready', status: 'True' }]);
    writer.begin();
    await advance(clock, 1_000);
    expect(kube.writes).to.deep.equal([
      {
        method: 'PATCH',
        path: '/apis/security.istio.io/v1/namespaces/foo/peerauthentications/web/status',
        query: { fieldManager: 'coxswain-status', force: true },
        body: {
          apiVersion: 'security.istio.io/v1',
          kind: 'PeerAuthentication',
          metadata: { name: 'web', namespace: 'foo', uid: 'uid of web' },
          status: {
            conditions: [
              {
                type: 'Enforced',
                status: 'False',
                reason: 'Pending',
                message: 'first',
                observedGeneration: 1,
                lastTransitionTime: '2026-01-01T00:00:00Z',
              },
            ],
          },
        },
      },
    ]);
  });

  it('keeps the conditions of others where the list has one owner', async () => {
    const { kube, clock, writer, add } = start(false);
    await using _writer = writer;
    add('web', [{ type: 'Ready', status: 'True', extra: 1 }]);
    writer.begin();
    await advance(clock, 1_000);
    expect(Object.keys(said(kube, 'PeerAuthentication', 'foo/web'))).to.deep.equal(['Ready', 'Enforced']);
  });

  it('writes nothing before it begins, what is not known yet, and what is stored already', async () => {
    const { kube, clock, state, writer, add } = start();
    await using _writer = writer;
    add('web');
    await advance(clock, 3_000);
    state.wanted = undefined;
    writer.begin();
    await advance(clock, 3_000);
    expect(kube.writes).to.deep.equal([]);
    state.wanted = 'second';
    writer.touch('PeerAuthentication/foo/web');
    await advance(clock, 3_000);
    expect(kube.writes.length).to.equal(1);
    for (let i = 0; i < 10; i++) {
      writer.touchAll();
      await advance(clock, 3_000);
    }
    expect(kube.writes.length).to.equal(1);
  });

  it('writes one object at most once in two seconds, whatever happens', async () => {
    const { kube, clock, state, writer, add } = start();
    await using _writer = writer;
    add('web');
    writer.begin();
    for (let at = 0; at < 50; at++) {
      state.reason = `At${at}`;
      writer.touch('PeerAuthentication/foo/web');
      await advance(clock, 100);
    }
    await advance(clock, 5_000);
    expect(kube.writes.length).to.be.within(2, 4);
    expect(said(kube, 'PeerAuthentication', 'foo/web')).to.deep.equal({ Enforced: 'False At49@1: first' });
    const before = kube.writes.length;
    for (const reason of ['One', 'Two', 'Three']) {
      state.reason = reason;
      writer.touch('PeerAuthentication/foo/web');
      await advance(clock, 800);
    }
    expect(kube.writes.length - before, 'a quiet moment after each is no reason').to.be.within(1, 2);
  });

  for (const [status, seconds] of [
    ['False', 5],
    ['True', 30],
  ] as const) {
    it(`writes words alone every ${seconds} seconds at most where the status is ${status}`, async () => {
      const { kube, clock, state, writer, add } = start();
      await using _writer = writer;
      state.status = status;
      add('web');
      writer.begin();
      await advance(clock, 1_000);
      for (let at = 1; at <= 3 * seconds * 2; at++) {
        state.wanted = `at ${at}`;
        writer.touch('PeerAuthentication/foo/web');
        await advance(clock, 500);
      }
      await advance(clock, seconds * 1_000, 500);
      expect(kube.writes.length).to.be.within(4, 5);
      expect(said(kube, 'PeerAuthentication', 'foo/web')['Enforced']).to.contain(`at ${3 * seconds * 2}`);
      state.status = 'Unknown';
      writer.touch('PeerAuthentication/foo/web');
      await advance(clock, 2_500);
      expect(said(kube, 'PeerAuthentication', 'foo/web')['Enforced']).to.contain('Unknown');
    });
  }

  it('writes a thousand objects at 50 a second after a burst of 50', async () => {
    const { kube, clock, writer, add } = start();
    await using _writer = writer;
    for (let i = 0; i < 1_000; i++) add(`p${i}`);
    writer.begin();
    await advance(clock, 600);
    expect(kube.writes.length).to.be.within(50, 56);
    await advance(clock, 10_000);
    expect(kube.writes.length).to.be.within(540, 560);
    await advance(clock, 15_000);
    expect(kube.writes.length).to.equal(1_000);
    expect(new Set(kube.writes.map((write) => write.path)).size).to.equal(1_000);
  });

  it('backs off while the server is down, and goes on with what is wanted then', async () => {
    const { kube, clock, state, writer, add } = start();
    await using _writer = writer;
    kube.failing = new MeshError('unavailable', 'down');
    for (let i = 0; i < 100; i++) add(`p${i}`);
    writer.begin();
    await advance(clock, 30_000);
    // Eight at once each time, less and less often.
    expect(kube.writes.length).to.be.within(16, 64);
    kube.failing = undefined;
    state.wanted = 'later';
    await advance(clock, 40_000);
    expect(said(kube, 'PeerAuthentication', 'foo/p99')).to.deep.equal({ Enforced: 'False Pending@1: later' });
  });

  for (const code of ['not-found', 'conflict', 'bad-argument'] satisfies MeshErrorCode[]) {
    it(`lets ${code} be, and goes on with the others`, async () => {
      const { kube, clock, writer, add } = start();
      await using _writer = writer;
      kube.failing = new MeshError(code, 'no');
      add('web');
      writer.begin();
      await advance(clock, 20_000);
      expect(kube.writes.length).to.equal(1);
      kube.failing = undefined;
      add('other');
      await advance(clock, 1_000);
      expect(kube.writes.length).to.equal(2);
    });
  }

  it('writes nothing to an object that is gone, nor after its end', async () => {
    const { kube, clock, writer, add } = start();
    add('web');
    writer.delete('PeerAuthentication/foo/web');
    writer.begin();
    await advance(clock, 3_000);
    add('other');
    await writer[Symbol.asyncDispose]();
    await advance(clock, 3_000);
    expect(kube.writes).to.deep.equal([]);
  });
});
