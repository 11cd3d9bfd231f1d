import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { envoysUnderTest } from '../support/e2e-mesh.ts';
import { isAnswer } from '../support/e2e-probe.ts';
import {
  as,
  type OriginCase,
  type OriginWorld,
  originCases,
  originMesh,
  originRule,
  portOf,
} from '../support/e2e-tls-origin.ts';
import { eventually } from '../support/sandbox.ts';

const client = 'sleep.bar';

/** What a sidecar's TLS with certificates of its own comes to, at servers that are in no mesh (behaviour.md 4.4). */
for (const envoy of envoysUnderTest()) {
  describe(`TLS origination on ${envoy.name}`, () => {
    let world: OriginWorld;

    before(async () => {
      world = await originMesh(envoy.path);
      await world.mesh.enforce([originRule(world.files)]);
    });

    after(async () => {
      await world[Symbol.asyncDispose]();
    });

    async function call(each: OriginCase): Promise<unknown> {
      const probe = world.mesh.probe(client);
      const to = { host: 'origin.legacy', port: portOf(each) };
      if (each.over === 'tcp') {
        const say = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
        const heard = await probe.ask('tcp', { ...to, say });
        return 'error' in heard ? 'cut' : JSON.parse(heard.reply.split('\r\n\r\n')[1] ?? '');
      }
      const answer = await probe.ask('http', { ...to, path: '/', headers: { host: to.host } });
      if (!isAnswer(answer)) return answer.error;
      return answer.status === 200 ? JSON.parse(answer.body) : String(answer.status);
    }

    for (const each of originCases) {
      it(each.title, async () => {
        expect(await call(each)).to.deep.equal(each.answer);
      });
    }

    it('shows a certificate that was put in the place of another, and touches no cluster for it', async () => {
      const turning = originCases.find(({ answer }) => isDeepStrictEqual(answer, as('first')));
      if (turning === undefined) throw new Error('no case with files that are exchanged');
      const probe = world.mesh.probe(client);
      const counters = '^(listener_manager\\.listener_(added|modified)|cluster_manager\\.cluster_(added|modified))$';
      const before = await probe.stats(counters);
      await world.turn('second');
      await eventually('the new certificate to be shown', async () =>
        isDeepStrictEqual(await call(turning), as('second')) ? true : undefined,
      );
      expect(await probe.stats(counters)).to.deep.equal(before);
      // Files that can't be read lie in the same folder: they cost nobody else anything.
      expect((await probe.envoy('/server_info')).includes('"state": "LIVE"')).to.equal(true);
    });
  });
}
