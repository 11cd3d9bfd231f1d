import { expect } from 'chai';
import { type Credentials, foreignCertificate, meshCertificate } from '../../support/e2e-certificates.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { mtlsScenarios } from '../../support/e2e-mtls.ts';
import { cellsOf, probeCells } from '../../support/e2e-mtls-cells.ts';
import { callTls, tlsCells, tlsTables } from '../../support/e2e-tls-clients.ts';

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
          // Injected Envoys have several workers, each with connections of its own that it keeps from before.
          await mesh.enforce(scenario.policies);
          seen = await probeCells(mesh, cellsOf(scenario));
        });

        for (const cell of cellsOf(scenario)) {
          it(`${cell.title} ${cell.expected}`, () => {
            expect(seen.get(cell.title)).to.equal(cell.expected);
          });
        }
      });
    }

    describe('for TLS clients outside the mesh', () => {
      let certificates: Readonly<Record<'foreign' | 'mesh', Credentials>>;

      before(async () => {
        certificates = {
          foreign: await foreignCertificate('sleep.foo'),
          mesh: await meshCertificate(mesh, 'sleep.foo'),
        };
      });

      for (const table of tlsTables) {
        describe(`under ${table.name}`, () => {
          before(async () => {
            await mesh.enforce(table.policies);
          });

          for (const cell of tlsCells(table)) {
            it(`${cell.title} ${cell.expected}`, async () => {
              expect(await callTls(mesh, cell, certificates)).to.equal(cell.expected);
            });
          }
        });
      }
    });
  });
}
