import { expect } from 'chai';
import { moved, shortAnswer } from '../support/behaviour-envoy.ts';
import { meshCertificate } from '../support/e2e-certificates.ts';
import { Mesh, newestEnvoy } from '../support/e2e-mesh.ts';
import { allow, deny, from, meshMode, to } from '../support/e2e-policies.ts';
import type { Client } from '../support/e2e-world.ts';
import { world } from '../support/e2e-world.ts';

/** A call to the server's address, past every service. */
type Outcome = Readonly<Record<Client, string>>;

const same = (outcome: string): Outcome =>
  Object.fromEntries(world.clients.map((client) => [client, outcome])) as Outcome;

/** By FIN or by RST: which of them, is a matter of what was read when. A time-out is neither. */
const ending = (word: string): string => (word === 'closed' || word === 'reset' ? 'ended' : word);

/** Connections that a sidecar's two listeners took, and those that it made to where somebody said. */
const ownConnections =
  '^(listener\\..*_15(001|006)\\.downstream_cx_total|cluster\\.(Inbound)?PassthroughCluster\\.upstream_cx_total)$';

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
    everyone(async (client) => ending(shortAnswer(await mesh.probe(client).ask('http', { host: ip, port, path }))));
  const tcp = (port: number) =>
    everyone(async (client) => {
      const heard = await mesh.probe(client).ask('tcp', { host: ip, port, say: 'hello\r\n' });
      return 'reply' in heard ? heard.reply : ending(heard.error);
    });

  const proven = async (account: string, port: number) => {
    const { certificate, key } = await meshCertificate(mesh, account);
    const heard = await mesh.probe('sleep.legacy').ask('tls', {
      host: ip,
      port,
      say: 'GET / HTTP/1.1\r\nhost: server\r\n\r\n',
      alpn: [port === 6060 ? 'istio-http/1.1' : 'istio'],
      certificate,
      key,
    });
    return 'reply' in heard
      ? heard.reply.replace('HTTP/1.1 ', '').slice(0, heard.reply.startsWith('HTTP') ? 3 : 5)
      : ending(heard.error);
  };

  for (const port of [15_001, 15_006]) {
    it(`and the sidecar's own port ${port} ends there, without a loop`, async () => {
      const server = mesh.probe('server.foo');
      const before = await server.stats(ownConnections);
      // Two sidecars refuse such a call themselves. From outside, 15001 is a port like any other to the inbound listener; the outbound one then refuses to be called.
      const outside = port === 15_001 ? '503' : 'ended';
      expect([await http(port), await tcp(port)]).to.deep.equal([
        { ...same('ended'), 'sleep.legacy': outside },
        same('ended'),
      ]);
      const added = moved(before, await server.stats(ownConnections));
      const direct = {
        'cluster.InboundPassthroughCluster.upstream_cx_total': 2,
        'listener.0.0.0.0_15001.downstream_cx_total': 2,
      };
      expect(added).to.deep.equal({
        'listener.0.0.0.0_15006.downstream_cx_total': 2,
        ...(port === 15_001 ? direct : {}),
      });
    });
  }

  it("does not reach Envoy's admin page", async () => {
    expect(await http(15_000, '/config_dump')).to.deep.equal(same('503'));
    expect(await tcp(15_000)).to.deep.equal(same('ended'));
  });

  it('and a port that no service names obeys STRICT', async () => {
    expect([await http(6060), await tcp(6061)]).to.deep.equal([same('200'), same('heard hello\r\n')]);
    await mesh.enforce([meshMode('STRICT')], { drained: true });
    expect([await http(6060), await tcp(6061)]).to.deep.equal([same('ended'), same('ended')]);
    expect([await proven('sleep.bar', 6060), await proven('sleep.bar', 6061)]).to.deep.equal(['200', 'heard']);
  });

  it('and a port that no service names obeys AuthorizationPolicy', async () => {
    await mesh.enforce([deny([to({ ports: ['6060', '6061'] })])], { drained: true });
    expect([await http(6060), await tcp(6061), await http(8080)]).to.deep.equal([
      same('403'),
      same('ended'),
      same('200'),
    ]);
    await mesh.enforce([allow([from({ principals: ['cluster.local/ns/bar/sa/sleep'] })])], { drained: true });
    expect([await http(6060), await tcp(6061)]).to.deep.equal([same('403'), same('ended')]);
    expect([await proven('sleep.bar', 6060), await proven('sleep.bar', 6061)]).to.deep.equal(['200', 'heard']);
    expect([await proven('sleep.foo', 6060), await proven('sleep.foo', 6061)]).to.deep.equal(['403', 'ended']);
  });
});
