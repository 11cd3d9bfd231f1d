import { expect } from 'chai';
import { followStored, type Stored, storedOf } from '../../../../src/cluster/status/stored.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { advance, group, kindPath, statusKube, stored } from '../../../support/status-kube.ts';

const kind = {
  group: 'security.istio.io',
  kind: 'PeerAuthentication',
  plural: 'peerauthentications',
  counted: true,
} as const;
const found = { apiVersion: 'security.istio.io/v1', merges: true };
const accepted = {
  type: 'Accepted',
  status: 'True',
  reason: 'Valid',
  message: 'the object is valid',
  observedGeneration: 2,
  lastTransitionTime: '2026-01-01T00:00:00Z',
};

describe('what is stored of an object', () => {
  it('is read as far as it goes', () => {
    const foreign = { type: 'Ready', status: 'True', extra: 1 };
    const object = stored('foo', 'web', 3, [accepted, foreign, { type: 'Odd', status: 'Maybe' }, { status: 'True' }]);
    expect(storedOf(kind, found, object)).to.deep.include({
      key: 'PeerAuthentication/foo/web',
      uid: 'uid of web',
      generation: 3,
      conditions: [
        accepted,
        { type: 'Ready', status: 'True', reason: '', message: '', observedGeneration: 0, lastTransitionTime: '' },
      ],
    });
    for (const status of [undefined, null, 'x', { conditions: 'x' }, { conditions: [null, 'x'] }]) {
      expect(storedOf(kind, found, { ...object, status }).conditions).to.deep.equal([]);
    }
  });

  it('is followed without its spec, and a CRD that comes later is found', async () => {
    const { kube, clock } = statusKube();
    const resources = kube.documents.get(`${group}/v1`);
    kube.documents.delete(`${group}/v1`);
    kube.put(kindPath.PeerAuthentication, stored('foo', 'web', 1, [accepted]));
    const told: string[] = [];
    const events = {
      put: ({ key, generation, conditions }: Stored) => void told.push(`${key} ${generation} ${conditions.length}`),
      delete: (key: string) => void told.push(`-${key}`),
      synced: () => void told.push('synced'),
    };
    const stop = new AbortController();
    const options = { client: kube, clock, random: () => 0.5, log: silentLogger };
    const following = followStored(kind, options, events, stop.signal);
    await advance(clock, 1_000);
    expect(told).to.deep.equal(['synced']);
    kube.documents.set(`${group}/v1`, resources);
    await advance(clock, 10_000, 1_000);
    kube.put(kindPath.PeerAuthentication, stored('foo', 'web', 2));
    await advance(clock, 100);
    kube.drop(kindPath.PeerAuthentication, 'foo/web');
    await advance(clock, 100);
    stop.abort();
    await following;
    expect(told).to.deep.equal([
      'synced',
      'PeerAuthentication/foo/web 1 1',
      'synced',
      'PeerAuthentication/foo/web 2 0',
      '-PeerAuthentication/foo/web',
    ]);
  });
});
