import { expect } from 'chai';
import { ask } from '../support/e2e-ext-authz.ts';
import { startForeign, withForeignAuthorizer } from '../support/e2e-ext-authz-foreign.ts';
import { envoysUnderTest, Mesh } from '../support/e2e-mesh.ts';
import { to } from '../support/e2e-policies.ts';

const refused = '403 told denied: denied by ext_authz for not found header `x-ext-authz: allow` in the request';

for (const envoy of envoysUnderTest()) {
  describe(`an external authorizer that we did not write on ${envoy.name}`, () => {
    let mesh: Mesh;
    let authorizer: AsyncDisposable;

    before(async function () {
      // The first time it is built, which takes some minutes.
      this.timeout(900_000);
      mesh = await Mesh.up(envoy.path, await withForeignAuthorizer());
      authorizer = await startForeign(mesh);
    });

    after(async () => {
      await authorizer[Symbol.asyncDispose]();
      await mesh[Symbol.asyncDispose]();
    });

    /** The status, and what the authorizer told the application, or, where it refused, the caller. */
    async function call(client: string, path: string, wish?: string): Promise<string> {
      const headers = wish === undefined ? [] : ['-H', `x-ext-authz: ${wish}`];
      const answer = await mesh.probe(client).ask('curl', { args: ['-i', ...headers, `http://server.foo${path}`] });
      const told = /x-ext-authz-check-result"?: ?"?([a-z]+)/.exec(answer.body)?.[1] ?? 'nothing';
      const body = answer.body.split('\r\n\r\n').at(-1)?.trim();
      return answer.status === 200 ? `200 told ${told}` : `${answer.status} told ${told}: ${body}`;
    }

    it('decides over gRPC, knowing who calls', async () => {
      await mesh.enforce([ask('foreign-grpc', [to({ paths: ['/admin*'] })])]);
      expect(await call('sleep.foo', '/admin', 'allow')).to.equal('200 told allowed');
      expect(await call('sleep.foo', '/admin', 'deny')).to.equal(refused);
      expect(await call('sleep.foo', '/other', 'deny')).to.equal('200 told nothing');
      expect(await call('sleep.foo', '/admin'), 'as sleep').to.equal('200 told allowed');
      expect(await call('sleep.legacy', '/admin'), 'as nobody').to.equal(refused);
    });

    it('decides over HTTP', async () => {
      await mesh.enforce([ask('foreign-http', [to({ paths: ['/admin*'] })])]);
      expect(await call('sleep.foo', '/admin', 'allow')).to.equal('200 told allowed');
      expect(await call('sleep.foo', '/admin', 'deny')).to.equal(refused);
      expect(await call('sleep.foo', '/admin'), 'over HTTP nobody is known').to.equal(refused);
      expect(await call('sleep.foo', '/other', 'deny')).to.equal('200 told nothing');
    });

    it('decides about connections', async () => {
      await mesh.enforce([ask('foreign-grpc', [to({ ports: ['9000'] })])], { drained: true });
      const say = async (client: string) =>
        await mesh.probe(client).ask('tcp', { host: 'server.foo', port: 9000, say: 'hi' });
      expect(await say('sleep.foo'), 'as sleep').to.deep.equal({ reply: 'heard hi' });
      expect(await say('sleep.legacy'), 'as nobody').to.have.property('error');
      expect(await call('sleep.foo', '/', 'deny'), 'another port').to.equal('200 told nothing');
    });
  });
}
