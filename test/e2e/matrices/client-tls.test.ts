import { expect } from 'chai';
import { type Credentials, foreignCertificate } from '../../support/e2e-certificates.ts';
import { ClientFiles } from '../../support/e2e-client-files.ts';
import {
  clientTlsPolicies,
  clientTlsTables,
  columns,
  type Outcome,
  type RuleMode,
  rulePairs,
  type ServerMode,
  sidecarModes,
} from '../../support/e2e-client-tls.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { type Cell, probeCells } from '../../support/e2e-mtls-cells.ts';
import { idOf, world } from '../../support/e2e-world.ts';

const client = 'sleep.bar';

/** The outcome in the words of the probe. */
function words(outcome: Outcome, port: Cell['port'], server: string): string {
  const http = port.endsWith('http');
  switch (outcome) {
    case 'mtls':
      return http ? `gets 200 as ${idOf(client)} by ${idOf(server)}` : 'is heard over mTLS';
    case 'plain':
      return http ? 'gets 200 in plaintext' : 'is heard in plaintext';
    case 'tls':
      // To the server's sidecar, if it has one, the app's own TLS is bytes like any other.
      return 'is heard in plaintext';
    case '503':
      return 'gets 503';
    case 'cut':
      return 'is cut off';
  }
}

/** The row of the table for one rule and one mode, called at `server`. */
function row(auto: 'true' | 'false', rule: RuleMode, mode: ServerMode, server: string): readonly Cell[] {
  const outcomes = clientTlsTables[auto][rule][mode];
  return columns.map((port, index) => ({
    title: `${client} over ${port}, by ${rule}, to ${server}`,
    client,
    server,
    port,
    expected: words(outcomes[index] ?? 'cut', port, server),
  }));
}

for (const envoy of envoysUnderTest()) {
  for (const auto of ['true', 'false'] as const) {
    describe(`client TLS with enableAutoMtls ${auto} on ${envoy.name}`, () => {
      let mesh: Mesh;
      let files: Credentials;

      before(async () => {
        mesh = await Mesh.up(envoy.path, { meshYaml: `enableAutoMtls: ${auto}\n` });
        const { certificate, key } = await foreignCertificate('stranger.foo');
        const folder = await ClientFiles.make(mesh, 'client-tls');
        files = { certificate: await folder.put('cert.pem', certificate), key: await folder.put('key.pem', key) };
      });

      after(async () => {
        await mesh[Symbol.asyncDispose]();
      });

      /** A container of a cluster sees no file of the test's: there, MUTUAL can't speak at all. */
      const filesAreSeen = ({ title, expected }: Cell): boolean =>
        !mesh.kube || !title.includes('by MUTUAL,') || expected !== 'is heard in plaintext';

      for (const rules of rulePairs) {
        for (const mode of sidecarModes) {
          describe(`by ${rules.join(' and ')} to servers with ${mode}`, () => {
            // Policies say nothing about a server without a sidecar: one round for each rule is enough.
            const forBare = { STRICT: rules[0], PERMISSIVE: rules[1] }[String(mode)];
            const cells = [
              ...row(auto, rules[0], mode, world.server),
              ...row(auto, rules[1], mode, world.other),
              ...(forBare === undefined ? [] : row(auto, forBare, 'no sidecar', world.bare)),
            ];
            let seen: ReadonlyMap<string, string>;

            before(async () => {
              const policies = clientTlsPolicies(mode, [...rules, forBare ?? 'no rule'], files);
              await mesh.enforce(policies);
              seen = await probeCells(mesh, cells);
            });

            for (const cell of cells) {
              it(`${cell.title} ${cell.expected}`, () => {
                expect(seen.get(cell.title)).to.equal(filesAreSeen(cell) ? cell.expected : 'is cut off');
              });
            }
          });
        }
      }
    });
  }
}
