import { expect } from 'chai';
import { MetricsRegistry } from '../../../src/admin/metrics.ts';
import type { XdsTotals } from '../../../src/admin/sources.ts';
import { types } from '../../../src/model/type-urls.ts';
import { fakeSources } from './fake-sources.ts';

const none: XdsTotals = {
  opened: 0,
  refused: 0,
  pushes: new Map(),
  rejects: new Map(),
  staleNonces: 0,
  sentBytes: 0,
  sentResources: 0,
  receivedBytes: 0,
  encodedPayloads: 0,
  encodedBytes: 0,
  streamsTouched: 0,
  slow: 0,
  turnedAwayFull: 0,
  turnedAwayBusy: 0,
  aged: 0,
  full: false,
  stalled: 0,
};

describe('metrics', () => {
  it('keeps what it is told, under the names that dashboards know', async () => {
    const metrics = new MetricsRegistry(fakeSources(), '1', 0, () => 0);
    metrics.converged(0.02);
    metrics.updated('Service');
    const lines = (await metrics.text()).split('\n');
    expect(lines).to.include.members([
      'pilot_proxy_convergence_time_bucket{le="0.03"} 1',
      'pilot_proxy_convergence_time_bucket{le="0.01"} 0',
      'pilot_inbound_updates{type="Service"} 1',
    ]);
  });

  it('reads the totals of the xDS server at each scrape, by type in small letters', async () => {
    let totals: XdsTotals = { ...none, pushes: new Map([[types.cluster, 2]]), sentBytes: 120 };
    const metrics = new MetricsRegistry(fakeSources({ counters: () => totals }), '1', 0, () => 0);
    expect((await metrics.text()).split('\n')).to.include.members([
      'pilot_xds_pushes{type="cds"} 2',
      'coxswain_xds_sent_bytes_total 120',
    ]);
    totals = {
      ...none,
      pushes: new Map([[types.cluster, 5]]),
      rejects: new Map([[types.listener, 1]]),
      sentBytes: 121,
    };
    expect((await metrics.text()).split('\n')).to.include.members([
      'pilot_xds_pushes{type="cds"} 5',
      'pilot_total_xds_rejects{type="lds"} 1',
      'coxswain_xds_sent_bytes_total 121',
    ]);
  });

  it('keeps two control planes of one process apart', async () => {
    const [first, second] = [
      new MetricsRegistry(fakeSources(), '1', 0, () => 0),
      new MetricsRegistry(fakeSources(), '1', 0, () => 0),
    ];
    first.updated('Service');
    expect(await second.text()).to.not.include('pilot_inbound_updates{type="Service"}');
  });
});
