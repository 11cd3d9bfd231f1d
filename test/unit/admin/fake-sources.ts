import type { AdminSources, ProxyStatus } from '../../../src/admin/sources.ts';
import { viewId } from '../../../src/model/ids.ts';
import { types } from '../../../src/model/type-urls.ts';

/** A proxy that acknowledged its clusters and refused its listeners. */
export const refusing: ProxyStatus = {
  connection: 'sidecar~10.77.0.2~httpbin-1.foo~foo.svc.cluster.local-1',
  proxy: {
    id: 'sidecar~10.77.0.2~httpbin-1.foo~foo.svc.cluster.local',
    kind: 'sidecar',
    ip: '10.77.0.2',
    name: 'httpbin-1',
    namespace: 'foo',
    serviceAccount: 'httpbin',
    labels: { app: 'httpbin' },
    routes: 'vhds',
  },
  view: viewId('view-1'),
  mode: 'delta',
  aggregated: true,
  provenBy: 'join-token',
  connectedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  envoy: '1.40.0',
  types: [
    {
      type: types.cluster,
      state: 'SYNCED',
      wildcard: true,
      names: 0,
      sent: { nonce: 'n1', version: 'v1', resources: 4 },
      acked: { nonce: 'n1', version: 'v1' },
      error: '',
      since: Date.UTC(2026, 0, 2, 3, 4, 6),
    },
    {
      type: types.listener,
      state: 'ERROR',
      wildcard: true,
      names: 0,
      sent: { nonce: 'n2', version: 'v2', resources: 1 },
      acked: undefined,
      error: 'Error adding/updating listener(s) virtualInbound: no such filter\nsecond line',
    },
    { type: types.secret, state: 'NOT_SENT', wildcard: false, names: 2, sent: undefined, acked: undefined, error: '' },
  ],
};

/** Sources that answer with what a test says, and with nothing otherwise. */
export function fakeSources(answers: Partial<AdminSources> = {}): AdminSources {
  return {
    ready: () => ({ ready: true }),
    status: () => [],
    findings: () => [],
    objects: () => [],
    services: () => [],
    views: () => [],
    configDump: () => undefined,
    ...answers,
  };
}
