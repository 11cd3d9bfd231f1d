import { expect } from 'chai';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { allow, deny, dryRun, from, to } from '../../support/e2e-policies.ts';
import { describeScenarios } from '../../support/e2e-scenarios.ts';
import { undecidedScenarios } from '../../support/e2e-undecided.ts';

/** Counters of verdicts that were only reported: they begin anew with each set of policies. */
const shadow = 'istio_dry_run_(allow|deny)_shadow_(allowed|denied)$';

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
      const before = await mesh.probe('server.foo').stats(shadow);
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
      const after = await mesh.probe('server.foo').stats(shadow);
      const counted = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]);
      expect(Object.fromEntries(counted)).to.deep.equal({
        'http.inbound_0.0.0.0_8080.rbac.istio_dry_run_allow_shadow_allowed': 1,
        'http.inbound_0.0.0.0_8080.rbac.istio_dry_run_allow_shadow_denied': 2,
        'http.inbound_0.0.0.0_8080.rbac.istio_dry_run_deny_shadow_allowed': 2,
        'http.inbound_0.0.0.0_8080.rbac.istio_dry_run_deny_shadow_denied': 1,
      });
    });
  });
}
