import { expect } from 'chai';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { isAnswer } from '../../support/e2e-probe.ts';
import { idOf } from '../../support/e2e-world.ts';
import { eventually } from '../../support/sandbox.ts';

/** A service of `foo`; `http` and `tcp` are ports that nothing in the mesh has used before. */
function service(name: string, app: string): string {
  const ports = [
    { name: 'http', port: 8765, targetPort: 8080 },
    { name: 'tcp', port: 8766, targetPort: 9000 },
  ];
  const metadata = { name, namespace: 'foo' };
  return JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app }, ports } });
}

const outboundPolicy = (mode: 'ALLOW_ANY' | 'REGISTRY_ONLY'): string => `outboundTrafficPolicy: { mode: ${mode} }\n`;

for (const envoy of envoysUnderTest()) {
  describe(`services that come and go on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path, { meshYaml: outboundPolicy('ALLOW_ANY') });
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    /** Who answered, and over what: `server.foo over mTLS`, `somebody over plaintext`, `502`, `closed`. */
    async function ask(client: string, address: string, port: number, host = address): Promise<string> {
      const answer = await mesh.probe(client).ask('http', { host: address, port, path: '/', headers: { host } });
      if (!isAnswer(answer)) return answer.error;
      if (answer.status !== 200) return String(answer.status);
      const { headers }: { headers: Readonly<Record<string, string>> } = JSON.parse(answer.body);
      const certificate = headers['x-forwarded-client-cert'];
      if (certificate === undefined) return 'somebody over plaintext';
      const server = ['server.foo', 'other.foo'].find((each) => certificate.includes(`By=${idOf(each)};`));
      return `${server} over mTLS`;
    }

    /** Writes a service, and waits until that client reaches it as it should, a second at most. */
    async function apply(name: string, app: string, client: string): Promise<readonly string[]> {
      const files = await mesh.sandbox.apply(service(name, app));
      const answered = async () =>
        (await ask(client, `${name}.foo`, 8765)) === `${app}.foo over mTLS` ? true : undefined;
      await eventually(`${client} to reach ${name}`, answered, 1_000);
      return files;
    }

    async function addressOf(name: string): Promise<string> {
      return await eventually(`the address of ${name}`, async () => {
        const { services } = await mesh.sandbox.refresh();
        return services.find((each) => each.name === name)?.address;
      });
    }

    it('a new HTTP service, on a port of its own, answers running sidecars within a second, by all its names', async () => {
      const files = await apply('fresh', 'server', 'sleep.foo');
      const address = await addressOf('fresh');
      const byName = async (client: string, ...names: readonly string[]) =>
        await Promise.all(names.map((name) => ask(client, address, 8765, name)));
      const everywhere = ['fresh.foo', 'fresh.foo.svc', 'fresh.foo.svc.cluster.local', 'fresh.foo:8765', address];
      const right = 'server.foo over mTLS';
      expect(await byName('sleep.foo', 'fresh', ...everywhere)).to.deep.equal([
        right,
        right,
        right,
        right,
        right,
        right,
      ]);
      await eventually('sleep.bar, too', async () =>
        (await ask('sleep.bar', 'fresh.foo', 8765)) === right ? true : undefined,
      );
      expect(await byName('sleep.bar', ...everywhere)).to.deep.equal([right, right, right, right, right]);
      // A short name means something in its own namespace only; elsewhere it is a host that nobody knows.
      expect(await byName('sleep.bar', 'fresh')).to.deep.equal(['somebody over plaintext']);
      expect(await byName('sleep.legacy', 'fresh.foo')).to.deep.equal(['somebody over plaintext']);
      await mesh.sandbox.remove(...files);
    });

    it('a new TCP service, on a port of its own, answers', async () => {
      const files = await apply('fresh', 'server', 'sleep.foo');
      const count = async () =>
        Object.values(await mesh.probe('server.foo').stats('^listener\\.0\\.0\\.0\\.0_15006\\.ssl\\.handshake$'))[0] ??
        0;
      const earlier = await count();
      const answer = await mesh.probe('sleep.foo').ask('tcp', { host: 'fresh', port: 8766, say: 'over the wire\n' });
      expect(answer).to.deep.equal({ reply: 'heard over the wire\n' });
      expect(await count()).to.equal(earlier + 1);
      await mesh.sandbox.remove(...files);
    });

    it('two services on one new port are told apart by their names', async () => {
      const files = [
        ...(await apply('fresh', 'server', 'sleep.foo')),
        ...(await apply('second', 'other', 'sleep.foo')),
      ];
      expect(await ask('sleep.foo', await addressOf('fresh'), 8765, 'second')).to.equal('other.foo over mTLS');
      expect(await ask('sleep.foo', await addressOf('second'), 8765, 'fresh')).to.equal('server.foo over mTLS');
      await mesh.sandbox.remove(files[0] ?? '');
      await eventually('the first to be gone, and the second to stay', async () => {
        const seen = [
          await ask('sleep.foo', await addressOf('second'), 8765, 'fresh'),
          await ask('sleep.foo', 'second', 8765),
        ];
        return seen.join() === 'somebody over plaintext,other.foo over mTLS' ? true : undefined;
      });
      await mesh.sandbox.remove(files[1] ?? '');
    });

    it('a service that is led elsewhere leads there', async () => {
      const files = await apply('fresh', 'server', 'sleep.foo');
      await apply('fresh', 'other', 'sleep.foo');
      await apply('fresh', 'server', 'sleep.foo');
      await mesh.sandbox.remove(...files);
    });

    it('a removed service is gone: its name, its address, and all that Envoy held of it', async () => {
      const files = await apply('fresh', 'server', 'sleep.foo');
      const address = await addressOf('fresh');
      const held = async () => {
        const dump = await mesh.probe('sleep.foo').envoy('/config_dump?include_eds');
        return [dump.includes('fresh.foo.svc'), dump.includes('0.0.0.0_8765')];
      };
      expect(await held()).to.deep.equal([true, true]);
      await mesh.sandbox.remove(...files);
      await eventually('Envoy to forget it', async () => ((await held()).includes(true) ? undefined : true));
      expect(await ask('sleep.foo', 'fresh', 8765)).to.be.oneOf(['ENOTFOUND', 'EAI_AGAIN']);
      expect(await ask('sleep.foo', address, 8765)).to.be.oneOf(['closed', 'reset']);
      expect(await ask('sleep.legacy', address, 8765)).to.equal('refused');
    });

    it('a host that nobody knows passes through, or is refused, as the mesh settings say', async () => {
      const ip = mesh.sandbox.pod('server.legacy').ip;
      const unknown = async () => [
        await ask('sleep.foo', 'server.legacy', 80, 'unknown.example'),
        await ask('sleep.foo', ip, 6060),
        await ask('sleep.foo', 'server.foo', 80),
        await ask('sleep.foo', 'server.legacy', 80),
        await ask('sleep.legacy', ip, 6060),
      ];
      const [plaintext, known] = ['somebody over plaintext', 'server.foo over mTLS'];
      const allowed = [plaintext, plaintext, known, plaintext, plaintext].join();
      expect((await unknown()).join()).to.equal(allowed);
      await mesh.writeSettings(outboundPolicy('REGISTRY_ONLY'));
      const refused = ['closed', 'reset'].map((end) => ['502', end, known, plaintext, plaintext].join());
      await eventually('strangers to be refused', async () =>
        refused.includes((await unknown()).join()) ? true : undefined,
      );
      await mesh.writeSettings(outboundPolicy('ALLOW_ANY'));
      await eventually('strangers to pass again', async () =>
        (await unknown()).join() === allowed ? true : undefined,
      );
    });
  });
}
