import { expect } from 'chai';
import { answerDns, callHttp, callTcp, callTls } from '../../support/e2e-calls.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import {
  type Attempt,
  attempts,
  entryOf,
  entryPorts,
  entryTable,
  outboundModes,
  outside,
  resolutions,
  titleOf,
} from '../../support/e2e-service-entries.ts';
import { world } from '../../support/e2e-world.ts';
import { eventually } from '../../support/sandbox.ts';

const client = 'sleep.foo';

for (const envoy of envoysUnderTest()) {
  describe(`ServiceEntries on ${envoy.name}`, () => {
    const stack = new AsyncDisposableStack();
    let mesh: Mesh;
    let addresses: Readonly<Record<Attempt['to'], string>>;

    before(async () => {
      mesh = stack.use(await Mesh.up(envoy.path, { meshYaml: 'outboundTrafficPolicy: { mode: ALLOW_ANY }\n' }));
      const { sandbox } = mesh;
      addresses = { itself: sandbox.pod(world.bare).ip, elsewhere: sandbox.pod('sleep.legacy').ip };
      stack.use(await answerDns(mesh, client, { [outside]: [addresses.itself] }));
    });

    after(async () => {
      await stack.disposeAsync();
    });

    async function attempt({ over, to, name }: Attempt): Promise<string> {
      const probe = mesh.probe(client);
      const port = entryPorts[over].number;
      if (over === 'tcp') return await callTcp(probe, addresses[to], port);
      if (over === 'tls') return await callTls(probe, addresses[to], port, name);
      return (await callHttp(probe, addresses[to], port, name)).replace(' in plaintext', '');
    }

    for (const mode of outboundModes) {
      describe(`with ${mode}`, () => {
        before(async () => {
          await mesh.writeSettings(`outboundTrafficPolicy: { mode: ${mode} }\n`);
          const unknown = mode === 'ALLOW_ANY' ? 'heard' : 'cut';
          await eventually(`${mode} to hold`, async () =>
            (await callTcp(mesh.probe(client), addresses.itself, 9001)) === unknown ? true : undefined,
          );
        });

        for (const resolution of resolutions) {
          describe(`for a host with ${resolution}`, () => {
            before(async () => {
              await mesh.enforce(entryOf(resolution, addresses.itself));
            });

            for (const [index, each] of attempts.entries()) {
              const expected = entryTable[mode][resolution][index];
              it(`${titleOf(each)}: ${expected}`, async () => {
                expect(await attempt(each)).to.equal(expected);
              });
            }
          });
        }
      });
    }
  });
}
