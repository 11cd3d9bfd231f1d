import { expect } from 'chai';
import fc from 'fast-check';
import type { Resource } from '../../../src/model/resource.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { edgeDocuments, readDocuments, type SecretContents } from '../../support/edge-arbitrary.ts';
import { edgeResources, firstRefused } from '../../support/edge-envoy.ts';
import { createTestCa } from '../../support/rbac-certificates.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const sets = Number(process.env['SETS'] ?? 300);
/** So many listeners stand in one Envoy. */
const perEnvoy = 300;

async function secretContents(): Promise<SecretContents> {
  const ca = await createTestCa();
  const [good, other] = await Promise.all(
    ['good', 'other'].map(async (name) => {
      const leaf = await ca.issue([{ type: 'dns', value: `${name}.example` }]);
      return { 'tls.crt': leaf.certificate, 'tls.key': leaf.key, 'ca.crt': ca.certificate };
    }),
  );
  return { good: good ?? {}, other: other ?? {} };
}

/** What Envoy refuses of one object takes all that stands beside it. */
describe(`what a gateway and a sidecar get of any Gateways and VirtualServices (SEED=${seed} SETS=${sets})`, () => {
  let documents: readonly (readonly unknown[])[];
  let resources: readonly (readonly Resource[])[];

  before(async function () {
    this.timeout(60_000 + sets * 200);
    documents = fc.sample(edgeDocuments(await secretContents()), { numRuns: sets, seed });
    resources = documents.flatMap((each) => edgeResources(readDocuments(each)));
  });

  it('is more than nothing, mostly', () => {
    const having = (type: string, least: number): number =>
      resources.filter((all) => all.filter((each) => each.type.endsWith(`.${type}`)).length >= least).length;
    expect(having('Listener', 3)).to.be.greaterThan(sets / 2);
    expect(having('Secret', 1)).to.be.greaterThan(sets / 10);
  });

  for (const version of envoyVersions) {
    it(`is taken by Envoy ${version}`, async function () {
      this.timeout(60_000 + sets * 200);
      for (let from = 0; from < resources.length; from += perEnvoy) {
        const refused = await firstRefused(version, resources.slice(from, from + perEnvoy));
        if (refused === undefined) continue;
        const shown =
          documents[Math.floor((from + refused.index) / 2)]?.filter((each) => Object(each).kind !== 'Secret') ?? [];
        expect.fail([refused.why, ...shown.map((each) => JSON.stringify(each))].join('\n'));
      }
    });
  }
});
