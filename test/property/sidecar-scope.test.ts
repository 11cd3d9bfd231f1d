import { expect } from 'chai';
import fc from 'fast-check';
import type { EgressListener, ImportedHost } from '../../src/model/sidecar.ts';
import { importedPorts, type ScopedService, sidecarOf } from '../../src/translate/policy/sidecar-scope.ts';
import { meta, sidecarResource, snapshotOf } from '../support/objects.ts';

const namespaces = ['shop', 'bank', 'istio-system'] as const;
const namespace = fc.constantFrom(...namespaces);
const labels = fc.constantFrom({}, { app: 'a' }, { app: 'b' }, { app: 'a', v: '1' });
const names = ['a.x.com', 'b.x.com', 'a.y.com', 'x.com'] as const;
const pattern = fc.constantFrom('*', '*.x.com', '*.com', '*.y.com', ...names);

const sidecar = fc.record({
  namespace,
  name: fc.constantFrom('p', 'q', 'r'),
  createdAt: fc.integer({ min: 0, max: 2 }),
  labels,
});
const imported: fc.Arbitrary<ImportedHost> = fc.record({
  namespace: fc.option(namespace, { nil: undefined }),
  host: pattern,
});
const listener: fc.Arbitrary<EgressListener> = fc.record({
  port: fc.option(
    fc.constantFrom(80, 443).map((number) => ({ number, name: '', protocol: 'http' as const })),
    { nil: undefined },
  ),
  bind: fc.constant(''),
  captureMode: fc.constant('DEFAULT' as const),
  hosts: fc.array(imported, { maxLength: 3 }),
});
const egress = fc.uniqueArray(listener, { maxLength: 3, selector: ({ port }) => port?.number });
const service: fc.Arbitrary<ScopedService> = fc.record({
  host: fc.constantFrom(...names),
  namespace,
  exportTo: fc.oneof(fc.constant('all' as const), fc.subarray([...namespaces])),
  ports: fc.subarray([{ port: 80 }, { port: 443 }, { port: 9000 }]),
});

/** As a person reads the API's documents: each host as an expression over `ns/name`. */
function naive(
  listeners: readonly EgressListener[],
  client: string,
  { host, ...target }: ScopedService,
): readonly number[] {
  if (target.exportTo !== 'all' && !target.exportTo.includes(client)) return [];
  return target.ports
    .map(({ port }) => port)
    .filter((port) => {
      const [special] = listeners.filter((each) => each.port?.number === port);
      const [rest] = listeners.filter((each) => each.port === undefined);
      return ((special ?? rest)?.hosts ?? []).some((each) => {
        const text = `${each.namespace ?? '*'}/${each.host}`.replaceAll('.', '\\.').replaceAll('*', '.+');
        return new RegExp(`^${text}$`).test(`${target.namespace}/${host}`);
      });
    });
}

describe('Sidecar scope', () => {
  it('imports what the hosts of the listener say, compared with a naive reading', () => {
    fc.assert(
      fc.property(egress, namespace, service, (listeners, client, target) => {
        const held = sidecarResource(client, 'x', { egress: listeners });
        expect(importedPorts(held, client, target)).to.deep.equal(naive(listeners, client, target));
      }),
      { numRuns: 3_000 },
    );
  });

  it('only ever takes away from what is exported, and another host only ever adds', () => {
    fc.assert(
      fc.property(egress, imported, namespace, service, (listeners, more, client, target) => {
        const ports = (hosts: readonly EgressListener[]) =>
          importedPorts(sidecarResource(client, 'x', { egress: hosts }), client, target);
        const own = ports(listeners);
        expect(importedPorts(undefined, client, target)).to.include.members([...own]);
        expect(ports(listeners.map((each) => ({ ...each, hosts: [...each.hosts, more] })))).to.include.members([
          ...own,
        ]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is the same in whatever order Sidecars come, and never that of a stranger', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(sidecar, { maxLength: 6, selector: (each) => `${each.namespace}/${each.name}` }),
        namespace,
        labels,
        (all, client, own) => {
          const objects = all.map((each) =>
            sidecarResource(each.namespace, each.name, {
              meta: meta(each.namespace, each.name, { createdAt: each.createdAt }),
              selector: { matchLabels: each.labels },
            }),
          );
          const proxy = { kind: 'sidecar', namespace: client, labels: own } as const;
          const found = sidecarOf(snapshotOf(objects), proxy);
          expect(sidecarOf(snapshotOf([...objects].reverse()), proxy)?.meta).to.deep.equal(found?.meta);
          if (found === undefined) return;
          const wanted = Object.entries(found.selector.matchLabels);
          expect(
            wanted.every(([key, value]) => Object.entries(own).some(([k, v]) => k === key && v === value)),
          ).to.equal(true);
          expect([client, 'istio-system']).to.include(found.meta.namespace);
          if (found.meta.namespace !== client) expect(wanted).to.deep.equal([]);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
