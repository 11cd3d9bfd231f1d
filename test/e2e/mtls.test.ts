import { expect } from 'chai';
import { envoysUnderTest, Mesh } from '../support/e2e-mesh.ts';
import { mtlsScenarios } from '../support/e2e-mtls.ts';
import { cellsOf, probeCells } from '../support/e2e-mtls-cells.ts';

for (const envoy of envoysUnderTest()) {
  describe(`mutual TLS on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path);
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    for (const scenario of mtlsScenarios) {
      describe(`under ${scenario.name}`, () => {
        let seen: ReadonlyMap<string, string>;

        before(async () => {
          await mesh.enforce(scenario.policies, { drained: true });
          seen = await probeCells(mesh, cellsOf(scenario));
        });

        for (const cell of cellsOf(scenario)) {
          it(`${cell.title} ${cell.expected}`, () => {
            expect(seen.get(cell.title)).to.equal(cell.expected);
          });
        }
      });
    }
  });
}
