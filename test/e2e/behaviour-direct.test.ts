import { expect } from 'chai';
import { shortAnswer } from '../support/behaviour-envoy.ts';
import { Mesh, newestEnvoy } from '../support/e2e-mesh.ts';
import { allow, deny, from, meshMode, namespaceMode, to } from '../support/e2e-policies.ts';
import type { Client } from '../support/e2e-world.ts';
import { idOf, world } from '../support/e2e-world.ts';

/** A call to the server's address, past every service. */
type Outcome = Readonly<Record<Client, string>>;

describe('a call to the address of a pod', () => {
  let mesh: Mesh;
  let ip: string;

  before(async () => {
    mesh = await Mesh.up(newestEnvoy());
    ip = mesh.sandbox.pod('server.foo').ip;
  });

  after(async () => {
    await mesh[Symbol.asyncDispose]();
  });

  const everyone = async (ask: (client: Client) => Promise<string>): Promise<Outcome> => {
    const pairs = await Promise.all(world.clients.map(async (client) => [client, await ask(client)] as const));
    return Object.fromEntries(pairs) as Outcome;
  };
  const http = (port: number, path = '/') =>
    everyone(async (client) => shortAnswer(await mesh.probe(client).ask('http', { host: ip, port, path })));
  const tcp = (port: number) =>
    everyone(async (client) => {
      const heard = await mesh.probe(client).ask('tcp', { host: ip, port, say: 'hello' });
      return 'reply' in heard ? heard.reply : heard.error;
    });

  for (const port of [15_001, 15_006]) {
    it(`and the sidecar's own port ${port} ends there, without a loop`, async () => {
      const server = mesh.probe('server.foo');
      const count = async () => {
        const counts = await server.stats('^(listener\\..*15(001|006)\\.downstream_cx_total|cluster\\.(Inbound|Pass).*upstream_cx_total)$');
        return Object.values(counts).reduce((sum, each) => sum + each, 0);
      };
      const before = await count();
      console.log(port, await http(port), await tcp(port), await count() - before);
      console.log(await server.stats('^(listener\\..*15(001|006)\\.downstream_cx_total|cluster\\.(Inbound|Pass|Black).*upstream_cx_total)$'));
    });
  }

  it("does not reach Envoy's admin page", async () => {
    console.log(await http(15_000, '/config_dump'), await tcp(15000));
    console.log(await http(15_021, '/healthz/ready'), await http(15_020, '/stats/prometheus'), await http(15090, '/stats/prometheus'));
  });

  it('and a port that no service names obeys STRICT', async () => {
    console.log(await http(6060), await tcp(6061));
    await mesh.enforce([meshMode('STRICT')], { drained: true });
    console.log(await http(6060), await tcp(6061));
  });

  it('and a port that no service names obeys AuthorizationPolicy', async () => {
    await mesh.enforce([deny([to({ ports: ['6060', '6061'] })])], { drained: true });
    console.log(await http(6060), await tcp(6061), await http(8080));
    await mesh.enforce([allow([from({ principals: [idOf('sleep.bar').slice('spiffe://'.length)] })])], { drained: true });
    console.log(await http(6060), await tcp(6061), await http(8080));
  });
});
