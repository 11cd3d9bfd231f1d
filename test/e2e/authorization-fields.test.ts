import { describeRows } from '../support/e2e-field-tables.ts';
import { rowsFor } from '../support/e2e-fields.ts';
import { aliasRows, fromRows } from '../support/e2e-fields-from.ts';
import { toRows } from '../support/e2e-fields-to.ts';
import { envoysUnderTest, Mesh } from '../support/e2e-mesh.ts';
import { eventually } from '../support/sandbox.ts';

/** Every field of `from` and `to` (behaviour.md 1.3): a match and a near miss, under ALLOW and DENY, by every kind of client. */
for (const envoy of envoysUnderTest()) {
  describe(`fields of AuthorizationPolicy on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path, { meshYaml: '{}' });
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    describeRows(rowsFor(envoy.name, [...fromRows, ...toRows]), () => mesh);

    describe('with old.example as an alias of the trust domain', () => {
      before(async () => {
        await mesh.writeSettings(JSON.stringify({ trustDomainAliases: ['old.example'] }));
        await eventually('the control plane to know the alias', async () => {
          const { body } = await mesh.sandbox.admin('/debug/config_dump?proxyID=server.foo');
          return body.includes('spiffe://old.example/') ? true : undefined;
        });
      });

      describeRows(rowsFor(envoy.name, aliasRows), () => mesh);
    });
  });
}
