import { expect } from 'chai';
import type { TlsCheck } from '../../../src/explain/tls-check.ts';
import { foreignCertificate } from '../../support/e2e-certificates.ts';
import { ClientFiles } from '../../support/e2e-client-files.ts';
import { clientTlsPolicies, rulePairs, sidecarModes } from '../../support/e2e-client-tls.ts';
import { hostOf } from '../../support/e2e-destination-rules.ts';
import { Mesh, newestEnvoy } from '../../support/e2e-mesh.ts';
import { type Cell, probeCells } from '../../support/e2e-mtls-cells.ts';
import { ports, world } from '../../support/e2e-world.ts';

const clients = ['sleep.bar', 'sleep.legacy'] as const;
const calls = ['http', 'tcp', 'sniffed http', 'sniffed tcp'] as const;
const servers = [world.server, world.other, world.bare] as const;

for (const auto of ['true', 'false'] as const) {
  describe(`authn tls-check against what calls really get, with enableAutoMtls ${auto}`, () => {
    let mesh: Mesh;
    let files: { readonly certificate: string; readonly key: string };

    before(async () => {
      mesh = await Mesh.up(newestEnvoy(), { meshYaml: `enableAutoMtls: ${auto}\n` });
      const { certificate, key } = await foreignCertificate('stranger.foo');
      const folder = await ClientFiles.make(mesh, 'tls-check');
      files = { certificate: await folder.put('cert.pem', certificate), key: await folder.put('key.pem', key) };
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    /** `sleep.bar over tcp to server.foo` → what the check says. */
    async function statuses(): Promise<ReadonlyMap<string, string>> {
      const said = new Map<string, string>();
      for (const client of clients) {
        for (const server of servers) {
          const query = new URLSearchParams({ proxyID: client, host: hostOf(server) });
          const checks: readonly TlsCheck[] = JSON.parse((await mesh.sandbox.admin(`/debug/tlscheck?${query}`)).body);
          const rows = checks.flatMap((each) => each.rows);
          for (const port of calls) {
            const row = rows.find((each) => each.port === ports[port].port && each.subset === '');
            said.set(`${client} over ${port} to ${server}`, row?.status ?? 'no row');
          }
        }
      }
      return said;
    }

    /** The same → what a call gets: OK for any answer. */
    async function outcomes(): Promise<ReadonlyMap<string, string>> {
      const cells: readonly Cell[] = clients.flatMap((client) =>
        servers.flatMap((server) =>
          calls.map((port) => ({ title: `${client} over ${port} to ${server}`, client, server, port, expected: '' })),
        ),
      );
      const seen = await probeCells(mesh, cells);
      const ok = /^(gets 200|is heard) /;
      return new Map(cells.map(({ title }) => [title, ok.test(seen.get(title) ?? '') ? 'OK' : 'CONFLICT']));
    }

    for (const [first, second] of rulePairs) {
      for (const [index, mode] of sidecarModes.entries()) {
        // Whoever has no sidecar is called by one rule or the other.
        const rules = [first, second, index % 2 === 0 ? first : second] as const;
        it(`agrees where servers have ${mode}, and clients ${first}, ${second}, and ${rules[2]} without a sidecar`, async () => {
          await mesh.enforce(clientTlsPolicies(mode, rules, files), { drained: true });
          const [said, got] = [await statuses(), await outcomes()];
          // The apps of these ports speak no TLS of their own: what depends on that ends as a conflict.
          const decided = [...said].map(
            ([call, status]) => [call, status === 'UNKNOWN' ? 'CONFLICT' : status] as const,
          );
          expect(decided).to.deep.equal([...got]);
          const unknown = [...said]
            .filter(([, status]) => status === 'UNKNOWN')
            .map(([call]) => call.split(' ').at(-1));
          const originating = servers.filter((_, place) => /SIMPLE|^MUTUAL/.test(rules[place] ?? ''));
          expect(originating).to.include.members(unknown);
        });
      }
    }
  });
}
