import { expect } from 'chai';
import { authorizationScenarios } from '../../support/e2e-authorization.ts';
import { make } from '../../support/e2e-authorization-calls.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';

for (const envoy of envoysUnderTest()) {
  describe(`authorization on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path);
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    for (const { name, policies, calls } of authorizationScenarios) {
      describe(`under ${name}`, () => {
        let made: ReadonlyMap<string, string>;

        before(async () => {
          await mesh.enforce(policies);
          made = new Map(await Promise.all(calls.map(async (call) => [call, await make(mesh, call)] as const)));
        });

        for (const call of calls) {
          it(call, () => {
            expect(made.get(call)).to.equal(call);
          });
        }
      });
    }
  });
}
