import { expect } from 'chai';
import { envoysUnderTest, Mesh } from '../support/e2e-mesh.ts';
import { allow, deny, dryRun, from, to } from '../support/e2e-policies.ts';
import { describeScenarios } from '../support/e2e-scenarios.ts';
import { undecidedScenarios } from '../support/e2e-undecided.ts';

/**
 * What a sidecar has counted of verdicts that were only reported, over HTTP and over TCP. What a discovered HTTP filter counts
 * stands under `http.<chain>.rbac` in Envoy 1.40, under `extension_config_discovery.http_filter.<filter>.rbac` in 1.36.
 */
async function counted(mesh: Mesh): Promise<ReadonlyMap<string, number>> {
  const stats = await mesh.probe('server.foo').stats('rbac\\.istio_dry_run_');
  const sums = new Map<string, number>();
  for (const [name, count] of Object.entries(stats)) {
    const verdict = `${name.startsWith('tcp.') ? 'TCP' : 'HTTP'} ${name.replace(/^.*rbac\.istio_dry_run_/, '')}`;
    sums.set(verdict, (sums.get(verdict) ?? 0) + count);
  }
  return sums;
}

for (const envoy of envoysUnderTest()) {
  describe(`policies that decide nothing on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path);
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    describeScenarios(undecidedScenarios, () => mesh);

    it('a sidecar counts what policies on trial would have done, over HTTP and TCP', async () => {
      const clients = ['sleep.foo', 'sleep.bar', 'sleep.legacy'];
      const trial = [
        dryRun(deny([{ ...from({ principals: ['cluster.local/ns/bar/*'] }), ...to({ ports: ['8080', '9000'] }) }])),
        dryRun(allow([from({ namespaces: ['foo'] })])),
      ];
      await mesh.enforce(trial);
      const earlier = await counted(mesh);
      for (const client of clients) {
        const probe = mesh.probe(client);
        const http = await probe.ask('http', {
          host: 'server.foo',
          port: 80,
          path: '/',
          headers: { host: 'server.foo' },
        });
        const tcp = await probe.ask('tcp', { host: 'server.foo', port: 9000, say: 'over the wire' });
        expect({ client, http: 'status' in http && http.status, tcp }).to.deep.equal({
          client,
          http: 200,
          tcp: { reply: 'heard over the wire' },
        });
      }
      const grown = [...(await counted(mesh))].map(([name, count]) => [name, count - (earlier.get(name) ?? 0)]);
      const verdicts = (way: string): Readonly<Record<string, number>> => ({
        [`${way} allow_.shadow_allowed`]: 1,
        [`${way} allow_.shadow_denied`]: 2,
        [`${way} deny_.shadow_allowed`]: 2,
        [`${way} deny_.shadow_denied`]: 1,
      });
      expect(Object.fromEntries(grown)).to.deep.equal({ ...verdicts('HTTP'), ...verdicts('TCP') });
    });
  });
}
