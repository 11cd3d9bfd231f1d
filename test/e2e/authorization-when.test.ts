import { describeRows } from '../support/e2e-field-tables.ts';
import { rowsFor } from '../support/e2e-fields.ts';
import { whenRows } from '../support/e2e-fields-when.ts';
import { envoysUnderTest, Mesh } from '../support/e2e-mesh.ts';

/** Every key of `when` (behaviour.md 1.3): a match and a near miss, under ALLOW and DENY, by every kind of client. */
for (const envoy of envoysUnderTest()) {
  describe(`conditions of AuthorizationPolicy on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path);
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    describeRows(rowsFor(envoy.name, whenRows), () => mesh);
  });
}
