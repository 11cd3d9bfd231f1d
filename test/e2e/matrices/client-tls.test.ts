import { expect } from 'chai';
import { type Credentials, foreignCertificate } from '../../support/e2e-certificates.ts';
import { ClientFiles } from '../../support/e2e-client-files.ts';
import {
  clientTlsPolicies,
  clientTlsTables,
  columns,
  type Outcome,
  ruleModes,
  type ServerMode,
  serverModes,
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

function cellsOf(auto: 'true' | 'false', rule: (typeof ruleModes)[number], mode: ServerMode): readonly Cell[] {
  const server = mode === 'no sidecar' ? world.bare : world.server;
  const outcomes = clientTlsTables[auto][rule][mode];
  return columns.map((port, index) => ({
    title: `${client} over ${port}`,
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

      for (const rule of ruleModes) {
        for (const mode of serverModes) {
          describe(`by ${rule} to a server with ${mode}`, () => {
            const cells = cellsOf(auto, rule, mode);
            let seen: ReadonlyMap<string, string>;

            before(async () => {
              await mesh.enforce(clientTlsPolicies(mode, rule, files), { drained: mesh.kube });
              seen = await probeCells(mesh, cells);
            });

            for (const cell of cells) {
              it(`${cell.title} ${cell.expected}`, () => {
                expect(seen.get(cell.title)).to.equal(cell.expected);
              });
            }
          });
        }
      }
    });
  }
}
