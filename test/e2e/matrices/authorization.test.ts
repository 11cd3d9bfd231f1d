import { authorizationScenarios } from '../../support/e2e-authorization.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { describeScenarios } from '../../support/e2e-scenarios.ts';

for (const envoy of envoysUnderTest()) {
  describe(`authorization on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path);
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    describeScenarios(authorizationScenarios, () => mesh);
  });
}
