import { expect } from 'chai';
import { testedEnvoys } from '../../support/explain-envoy.ts';
import { playRound, type Stage } from '../../support/explain-round.ts';
import { explainTokens } from '../../support/explain-tokens.ts';
import { createTestCa } from '../../support/rbac-certificates.ts';
import { wireWords } from '../../support/rbac-words.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const pairs = Number(process.env['PAIRS'] ?? 5_500);
/** One Envoy holds so many policy sets; more requests come in more rounds. */
const perRound = { cases: 60, requests: 5_500 };

describe(`what explain says, on real Envoy (SEED=${seed} PAIRS=${pairs})`, () => {
  let stage: Stage;

  before(async () => {
    const ca = await createTestCa();
    const ids = wireWords.principals.map((name) => `spiffe://${name}`);
    stage = {
      ca: ca.certificate,
      server: await ca.issue([{ type: 'dns', value: 'server' }]),
      leaves: new Map(
        await Promise.all(ids.map(async (id) => [id, await ca.issue([{ type: 'url', value: id }])] as const)),
      ),
      tokens: await explainTokens(),
    };
  });

  for (const envoy of testedEnvoys) {
    it(`is what Envoy ${envoy.version} does with every request: status, rule, dry runs, audits, whom it asks`, async function () {
      const sent = envoy === testedEnvoys[0] ? pairs : Math.round(pairs / 5);
      this.timeout(60_000 + sent * 20);
      const outcomes = new Map<number, number>();
      for (let round = 0, left = sent; left > 0; round++, left -= perRound.requests) {
        const requests = Math.min(left, perRound.requests);
        const cases = Math.max(1, Math.round((perRound.cases * requests) / perRound.requests));
        for (const pair of await playRound(stage, { envoy, seed: seed + round, cases, requests })) {
          const { about, ours } = pair;
          if (JSON.stringify(pair.envoy) !== JSON.stringify(ours))
            expect(ours, JSON.stringify(about)).to.deep.equal(pair.envoy);
          outcomes.set(pair.envoy.status, (outcomes.get(pair.envoy.status) ?? 0) + 1);
        }
      }
      // Each answer has to come up often enough to mean something.
      for (const [status, share] of shares) {
        expect(outcomes.get(status) ?? 0, `answers of ${status}`).to.be.greaterThan(sent * share);
      }
    });
  }
});

const shares = [
  [200, 0.1],
  [403, 0.1],
  [401, 0.02],
  [400, 0.001],
] as const;
