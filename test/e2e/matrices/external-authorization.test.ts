import { expect } from 'chai';
import { keptHttp } from '../../support/behaviour-envoy.ts';
import { ask, call, withAuthorizer } from '../../support/e2e-ext-authz.ts';
import { envoysUnderTest, Mesh } from '../../support/e2e-mesh.ts';
import { allow, deny, from, to } from '../../support/e2e-policies.ts';

const admin = to({ paths: ['/admin*'] });
const refused = '403 denied by ext_authz for not having the header "x-ext-authz: allow"';

for (const envoy of envoysUnderTest()) {
  describe(`external authorization on ${envoy.name}`, () => {
    let mesh: Mesh;

    before(async () => {
      mesh = await Mesh.up(envoy.path, withAuthorizer);
    });

    after(async () => {
      await mesh[Symbol.asyncDispose]();
    });

    it('asks over gRPC about what its rules match, and about nothing else', async () => {
      await mesh.enforce([ask('grpc', [admin])]);
      expect(await call(mesh, '/admin', 'allow')).to.equal('200 path=/admin result=allowed');
      expect(await call(mesh, '/admin?x=1', 'deny')).to.equal(refused);
      expect(await call(mesh, '/admin', undefined)).to.equal(refused);
      expect(await call(mesh, '/other', 'deny')).to.equal('200');
      expect(await call(mesh, '/admin', 'deny', { client: 'sleep.legacy' }), 'plaintext').to.equal(refused);
    });

    it('asks over HTTP: path prefix, headers to the check, to the application and to the caller', async () => {
      await mesh.enforce([ask('http', [admin])]);
      expect(await call(mesh, '/admin', 'allow')).to.equal('200 from=the-mesh path=/check/admin result=allowed');
      expect(await call(mesh, '/admin', 'deny')).to.equal(refused);
      expect(await call(mesh, '/other', 'deny')).to.equal('200');
    });

    // Regression: authorizers had numbered places. One that came first took the other's, and an open connection had no second place.
    it('goes on asking on an open connection when a policy asks another authorizer first', async () => {
      await mesh.enforce([ask('http', [admin])], { drained: true });
      const kept = await keptHttp(mesh.probe('sleep.foo'), 'server.foo');
      const statuses = async () => [await kept.get('/admin'), await kept.get('/other'), await kept.get('/')];
      expect(await statuses()).to.deep.equal(['403', '200', '200']);
      await mesh.enforce([ask('http', [admin]), ask('down', [to({ paths: ['/other'] })])]);
      expect(await statuses(), 'two').to.deep.equal(['403', '403', '200']);
      await mesh.enforce([ask('http', [admin])]);
      expect(await statuses(), 'one again').to.deep.equal(['403', '200', '200']);
    });

    it('comes before DENY, which comes before ALLOW', async () => {
      await mesh.enforce([
        ask('grpc', [admin]),
        deny([to({ paths: ['/admin/deny'] })]),
        allow([from({ namespaces: ['foo'] })]),
      ]);
      expect(await call(mesh, '/admin/deny', 'deny')).to.equal(refused);
      expect(await call(mesh, '/admin/deny', 'allow')).to.equal('403 RBAC: access denied');
      expect(await call(mesh, '/admin', 'allow')).to.equal('200 path=/admin result=allowed');
      expect(await call(mesh, '/admin', 'allow', { client: 'sleep.bar' })).to.equal('403 RBAC: access denied');
    });

    it('fails closed when nobody answers, unless the provider says otherwise', async () => {
      await mesh.enforce([
        ask('down', [to({ paths: ['/closed'] })]),
        ask('down-open', [to({ paths: ['/open'] })]),
        ask('down-503', [to({ paths: ['/503'] })]),
      ]);
      expect((await call(mesh, '/closed', 'allow')).slice(0, 3)).to.equal('403');
      expect(await call(mesh, '/open', 'deny')).to.equal('200');
      expect((await call(mesh, '/503', 'allow')).slice(0, 3)).to.equal('503');
      expect(await call(mesh, '/other', 'deny')).to.equal('200');
    });

    it('waits no longer than the timeout', async () => {
      await mesh.enforce([ask('grpc', [admin])]);
      expect((await call(mesh, '/admin', 'slow')).slice(0, 3)).to.equal('403');
    });

    it('shows the beginning of a body, as much as the provider wants', async () => {
      await mesh.enforce([ask('grpc', [admin])]);
      expect(await call(mesh, '/admin', 'allow', { body: 'four' })).to.equal('200 body=4 path=/admin result=allowed');
      expect(await call(mesh, '/admin', 'allow', { body: 'x'.repeat(100) })).to.equal(
        '200 body=8 path=/admin result=allowed',
      );
    });

    it('asks several providers of one workload, each about its own', async () => {
      await mesh.enforce([
        ask('grpc', [to({ paths: ['/one*'] })]),
        ask('grpc-2', [to({ paths: ['/two*'] })]),
        ask('http', [to({ paths: ['*/both'] })]),
      ]);
      expect(await call(mesh, '/one', 'allow')).to.equal('200 path=/one result=allowed');
      expect(await call(mesh, '/two', 'deny')).to.equal(refused);
      expect(await call(mesh, '/three', 'deny')).to.equal('200');
      expect(await call(mesh, '/two/both', 'allow')).to.match(/^200 .*result=allowed/);
      expect(await call(mesh, '/three/both', 'deny')).to.equal(refused);
    });

    it('denies what a policy matches whose provider nobody knows, or leads nowhere, and nothing more', async () => {
      for (const provider of ['stranger', 'unreachable']) {
        await mesh.enforce([ask(provider, [admin])]);
        expect(await call(mesh, '/admin', 'allow'), provider).to.equal('403 RBAC: access denied');
        expect(await call(mesh, '/other', 'deny'), provider).to.equal('200');
      }
    });

    it('asks about connections over gRPC; where only HTTP could be asked, it denies them', async () => {
      const tcp = async () => await mesh.probe('sleep.foo').ask('tcp', { host: 'server.foo', port: 9000, say: 'hi' });
      const port = to({ ports: ['9000'] });
      await mesh.enforce([ask('grpc', [port])], { drained: true });
      expect(await tcp()).to.deep.equal({ reply: 'heard hi' });
      await mesh.enforce([ask('down', [port])], { drained: true });
      expect(await tcp()).to.have.property('error');
      await mesh.enforce([ask('http', [port])], { drained: true });
      expect(await tcp()).to.have.property('error');
      await mesh.enforce([ask('http', [to({ ports: ['8080'] })])], { drained: true });
      expect(await tcp()).to.deep.equal({ reply: 'heard hi' });
    });
  });
}
