import { expect } from 'chai';
import { callTls, overMtls } from '../../support/e2e-calls.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { meshMode } from '../../support/e2e-policies.ts';
import { ports, world } from '../../support/e2e-world.ts';

const modes = ['PERMISSIVE', 'STRICT', 'DISABLE'] as const;
const servers = [world.server, world.bare] as const;
const clients = ['sleep.foo', 'sleep.bar', 'sleep.legacy'] as const;

/** What a client that speaks TLS itself gets from an app that does, too: `[server with a sidecar, server without]`. */
type Row = readonly [string, string];
const inside: Row = ['heard over mTLS', 'heard'];
const plain: Row = ['heard in plaintext', 'heard'];
/** The sidecar of the server takes the app's TLS for the mesh's, and misses a certificate. */
const stranger: Row = ['cut', 'heard'];

const table: Readonly<Record<(typeof modes)[number], Readonly<Record<(typeof clients)[number], Row>>>> = {
  PERMISSIVE: { 'sleep.foo': inside, 'sleep.bar': inside, 'sleep.legacy': plain },
  STRICT: { 'sleep.foo': inside, 'sleep.bar': inside, 'sleep.legacy': stranger },
  DISABLE: { 'sleep.foo': plain, 'sleep.bar': plain, 'sleep.legacy': plain },
};

for (const envoy of envoysUnderTest()) {
  describe(`HTTPS of apps, found by its server name and passed through, on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path);
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    for (const mode of modes) {
      describe(`with mesh ${mode}`, () => {
        before(async () => {
          await mesh.enforce([meshMode(mode)]);
        });

        for (const client of clients) {
          for (const [index, server] of servers.entries()) {
            const expected = table[mode][client][index];
            it(`${client} to ${server}: ${expected}`, async () => {
              const { port } = ports['own tls'];
              const call = () => callTls(mesh.probe(client), server, port, server);
              expect(await (index === 0 ? overMtls(mesh.probe(server), call) : call())).to.equal(expected);
            });
          }
        }
      });
    }
  });
}
