import { expect } from 'chai';
import { keptHttp, moved } from '../../support/behaviour-envoy.ts';
import { destinationRule, hostOf, ruleOfCluster } from '../../support/e2e-destination-rules.ts';
import { difference, envoyVersions } from '../../support/e2e-dumps.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { isAnswer } from '../../support/e2e-probe.ts';
import { scopeCases, withoutAutoMtls } from '../../support/e2e-rule-scopes.ts';
import { eventually } from '../../support/sandbox.ts';

for (const envoy of envoysUnderTest()) {
  describe(`whose DestinationRule counts on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path, { meshYaml: 'enableAutoMtls: true\n' });
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    /** `mTLS by rule.namespace`: what is on the wire, and the rule that Envoy's cluster names. */
    async function seenBy(client: string): Promise<string> {
      const probe = mesh.probe(client);
      const ask = () => probe.ask('http', { host: 'server.foo', port: 80, path: '/' });
      // The first call may go over a connection of the cluster from before.
      await ask();
      const answer = await ask();
      if (!isAnswer(answer) || answer.status !== 200) return JSON.stringify(answer);
      const { headers }: { headers: Readonly<Record<string, string>> } = JSON.parse(answer.body);
      const over = headers['x-forwarded-client-cert'] === undefined ? 'plaintext' : 'mTLS';
      const rule = await ruleOfCluster(probe, `outbound|80||${hostOf('server.foo')}`);
      return `${over} by ${rule === '' ? 'no rule' : rule}`;
    }

    for (const { name, rules, seen } of scopeCases) {
      it(name, async () => {
        await mesh.enforce(rules);
        expect([await seenBy('sleep.foo'), await seenBy('sleep.bar')]).to.deep.equal(seen);
      });
    }

    it('without auto mTLS, what no rule says is plaintext', async () => {
      await mesh.enforce([]);
      await mesh.writeSettings('enableAutoMtls: false\n');
      await eventually('plaintext', async () =>
        (await seenBy('sleep.bar')) === 'plaintext by no rule' ? true : undefined,
      );
      for (const { name, rules, seen } of withoutAutoMtls) {
        await mesh.enforce(rules);
        expect([await seenBy('sleep.foo'), await seenBy('sleep.bar')], name).to.deep.equal(seen);
      }
      await mesh.enforce([]);
      await mesh.writeSettings('enableAutoMtls: true\n');
      await eventually('mTLS', async () => ((await seenBy('sleep.bar')) === 'mTLS by no rule' ? true : undefined));
    });

    it('an edit is felt at once, and touches the clusters of its host alone: neither listeners nor open connections', async () => {
      const host = hostOf('other.foo');
      const withLimit = (maxConnections: number) =>
        destinationRule({ namespace: 'bar', host }, { connectionPool: { tcp: { maxConnections } } });
      await mesh.enforce([withLimit(100)]);
      const probe = mesh.probe('sleep.bar');
      const kept = await keptHttp(probe, 'server.foo');
      expect(await kept.get('/')).to.equal('200');
      const counters =
        '^(listener_manager\\.listener_(added|modified|removed|in_place_updated)|cluster_manager\\.cluster_(added|removed))$';
      const [versions, counts] = [await envoyVersions(probe), await probe.stats(counters)];
      const others = await envoyVersions(mesh.probe('sleep.foo'));
      await mesh.enforce([withLimit(200)]);
      const ports = [80, 7000, 7001, 9000, 9001, 9443];
      expect(Object.keys(difference(versions, await envoyVersions(probe))).sort()).to.deep.equal(
        ports.map((port) => `cluster outbound|${port}||${host}`).sort(),
      );
      expect(moved(counts, await probe.stats(counters))).to.deep.equal({});
      expect(difference(others, await envoyVersions(mesh.probe('sleep.foo')))).to.deep.equal({});
      expect(await kept.get('/')).to.equal('200');
    });
  });
}
