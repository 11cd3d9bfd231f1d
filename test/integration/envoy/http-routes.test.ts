import { expect } from 'chai';
import { envoyVersions } from '../../support/als-envoy.ts';
import { payloads, signTokens } from '../../support/rbac-tokens.ts';
import { type RouteCase, routeCases, routeServices } from '../../support/route-cases.ts';
import { type RouteAnswered, RouteEnvoy } from '../../support/route-envoy.ts';

/** The part of an answer that a case speaks of, in the form of the case. */
function seen({ path, body, sent, got }: RouteCase, answered: RouteAnswered) {
  const { status, reached, headers } = answered;
  const pick = (names: object, from: Readonly<Record<string, string>> | undefined) =>
    Object.fromEntries(Object.keys(names).map((name) => [name, from?.[name]]));
  return {
    status,
    app: reached?.app ?? 'none',
    ...(path === undefined ? {} : { path: reached?.path }),
    ...(body === undefined ? {} : { body: answered.body }),
    ...(sent === undefined ? {} : { sent: pick(sent, reached?.headers) }),
    ...(got === undefined ? {} : { got: pick(got, headers) }),
  };
}

for (const [version, kind] of envoyVersions.flatMap((each) => [
  [each, 'sidecar'] as const,
  [each, 'gateway'] as const,
])) {
  describe(`routes of VirtualServices on a ${kind} of Envoy ${version}`, () => {
    let envoy: RouteEnvoy;
    let tokenOf: Awaited<ReturnType<typeof signTokens>>['tokenOf'];

    before(async () => {
      const signed = await signTokens();
      tokenOf = signed.tokenOf;
      envoy = await RouteEnvoy.start(version, routeServices, ['a', 'b', 'c'], kind === 'gateway' ? signed.jwks : '');
    });

    after(async () => {
      await envoy[Symbol.asyncDispose]();
    });

    for (const each of routeCases) {
      it(`${each.host}: ${each.name}`, async () => {
        const { name: _, host: __, asked, ...expected } = each;
        expect(seen(each, await envoy.ask(each.host, asked))).to.deep.equal(expected);
      });
    }

    if (kind === 'gateway')
      it('claims of a token choose the route, and what goes with it', async () => {
        const [alice, bob] = payloads;
        if (alice === undefined || bob === undefined) throw new Error('no payloads');
        const ask = async (host: string, payload: typeof alice) => {
          const answered = await envoy.ask(host, { headers: { authorization: `Bearer ${tokenOf(payload)}` } });
          return answered.reached?.app;
        };
        const all = ['claim.test', 'noclaim.test', 'anyclaim.test'];
        expect(await Promise.all(all.map((host) => ask(host, alice)))).to.deep.equal(['a', 'b', 'a']);
        expect(await Promise.all(all.map((host) => ask(host, bob)))).to.deep.equal(['b', 'a', 'b']);
        const headers = { authorization: `Bearer ${tokenOf(alice)}` };
        expect((await envoy.ask('claim-fault.test', { headers })).status).to.equal(555);
      });

    it('weights share requests', async () => {
      const apps = new Set<string | undefined>();
      for (let i = 0; i < 200 && apps.size < 2; i++) apps.add((await envoy.ask('half.test')).reached?.app);
      expect([...apps].sort()).to.deep.equal(['a', 'b']);
    });

    it('copies go to the mirrors that have a share, under another Host', async () => {
      const copies = () =>
        envoy.reached
          .filter(({ app, path }) => app !== 'a' && path.startsWith('/mirrored'))
          .map(({ app, path, headers }) => [app, path, headers['host']]);
      const expected = [
        ['b', '/mirrored', 'mirror.test-shadow'],
        ['b', '/mirrored-too', 'mirrors.test-shadow'],
      ];
      while (copies().length < expected.length) await new Promise((resolved) => setImmediate(resolved));
      expect(copies()).to.deep.equal(expected);
    });

    it('delays count against the timeout of nothing but the wait itself', async () => {
      const { status, reached } = await envoy.ask('delay.test');
      expect([status, reached?.app]).to.deep.equal([200, 'a']);
    });

    it('each try has a time of its own', () => {
      const tries = envoy.reached.filter(({ path }) => path === '/hang/twice');
      expect(tries.length).to.equal(2);
    });
  });
}
