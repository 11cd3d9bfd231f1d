import { expect } from 'chai';
import type { ShadowReport } from '../../../src/admin/shadow-report.ts';
import { keptHttp } from '../../support/behaviour-envoy.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import type { PolicyObject } from '../../support/e2e-policies.ts';
import { eventually } from '../../support/sandbox.ts';

function trial(name: string, action: string, rules: readonly object[]): PolicyObject {
  const metadata = { name, namespace: 'foo', annotations: { 'istio.io/dry-run': 'true' } };
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata,
    spec: { selector: { matchLabels: { app: 'server' } }, action, rules },
  };
}

/** What the control plane counted for this policy: who, where, how it ended, how it would, and how often. */
async function counted(mesh: Mesh, policy: string): Promise<readonly string[]> {
  const reports: readonly ShadowReport[] = JSON.parse(
    (await mesh.sandbox.admin(`/debug/shadow?policy=${policy}`)).body,
  );
  return reports
    .flatMap(({ policies }) => policies)
    .filter(({ state }) => state === 'dry-run')
    .flatMap(({ counts }) =>
      counts.map(
        ({ source, user, path, now, would, part, count }) =>
          `${source} ${user === '' ? 'plaintext' : user} ${path} ${now} ${would} ${part} ${count}`,
      ),
    )
    .sort();
}

for (const { name, path } of envoysUnderTest()) {
  describe(`dry runs in a mesh of ${name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(path);
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    it('change nothing, and what they would change is counted by caller and path', async () => {
      await mesh.enforce([
        trial('try-deny', 'DENY', [{ to: [{ operation: { paths: ['/data'], ports: ['8080'] } }] }]),
        trial('try-allow', 'ALLOW', [{ from: [{ source: { namespaces: ['bar'] } }] }]),
      ]);
      const clients = await Promise.all(
        ['sleep.bar', 'sleep.legacy'].map((pod) => keptHttp(mesh.probe(pod), 'server.foo')),
      );
      for (const client of clients) {
        expect([await client.get('/data?token=secret'), await client.get('/item/17')]).to.deep.equal(['200', '200']);
      }
      const expected = [
        'sleep.bar cluster.local/ns/bar/sa/sleep /data allowed denied matched 1',
        'sleep.bar cluster.local/ns/bar/sa/sleep /item/{id} allowed allowed other 1',
        'sleep.legacy plaintext /data allowed denied matched 1',
        'sleep.legacy plaintext /item/{id} allowed denied other 1',
      ];
      const seen = await eventually('all requests', async () => {
        const rows = await counted(mesh, 'try-deny.foo');
        return rows.length >= expected.length ? rows : undefined;
      });
      expect(seen).to.deep.equal(expected);
      expect(await counted(mesh, 'try-allow.foo')).to.deep.equal([
        'sleep.bar cluster.local/ns/bar/sa/sleep /data allowed denied other 1',
        'sleep.bar cluster.local/ns/bar/sa/sleep /item/{id} allowed allowed matched 1',
        'sleep.legacy plaintext /data allowed denied other 1',
        'sleep.legacy plaintext /item/{id} allowed denied unmatched 1',
      ]);
    });

    it('may come and go without a chain that drains: the logs stay as they are', async () => {
      const server = mesh.probe('server.foo');
      await mesh.enforce([], { drained: true });
      const kept = await keptHttp(mesh.probe('sleep.bar'), 'server.foo');
      expect(await kept.get('/')).to.equal('200');
      const stats = '^http\\.inbound.*\\.downstream_cx_(destroy|drain_close)$';
      const before = await server.stats(stats);
      await mesh.enforce([trial('try-deny', 'DENY', [{ to: [{ operation: { paths: ['/data'], ports: ['8080'] } }] }])]);
      await mesh.enforce([]);
      expect(await kept.get('/')).to.equal('200');
      expect(await server.stats(stats)).to.deep.equal(before);
    });
  });
}
