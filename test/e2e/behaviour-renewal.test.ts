import { expect } from 'chai';
import { disturbances, keptHttp, moved, updates, workloadSerial } from '../support/behaviour-envoy.ts';
import { Mesh, newestEnvoy } from '../support/e2e-mesh.ts';
import { meshMode } from '../support/e2e-policies.ts';
import { eventually } from '../support/sandbox.ts';

/** The shortest life that settings allow; a new certificate comes at 0.4 to 0.5 of it. */
const ttlSeconds = 60;

describe('renewal of certificates', () => {
  it('happens before half of their life, on open connections and without a listener update', async () => {
    await using mesh = await Mesh.up(newestEnvoy(), { controlPlane: { flags: ['--svid-ttl', `${ttlSeconds}s`] } });
    await mesh.enforce([meshMode('STRICT')], { drained: true });
    const [client, server] = [mesh.probe('sleep.foo'), mesh.probe('server.foo')];
    const tcp = await client.ask('open', { host: 'server.foo', port: 9000 });
    const http = await keptHttp(client, 'server.foo');
    const say = (text: string) => client.ask('say', { connection: tcp, text });
    expect([await say('early'), await http.get('/')]).to.deep.equal([{ reply: 'heard early' }, '200']);
    const state = async () => ({
      serials: await Promise.all([client, server].map(workloadSerial)),
      disturbances: await Promise.all([client, server].map(disturbances)),
      updates: await Promise.all([client, server].map(updates)),
    });
    const before = await state();

    await eventually(
      'new certificates on both sides',
      async () => {
        const serials = await Promise.all([client, server].map(workloadSerial));
        return serials.every((serial, index) => serial !== before.serials[index]) ? true : undefined;
      },
      (ttlSeconds / 2) * 1_000,
    );
    expect([await say('late'), await http.get('/')]).to.deep.equal([{ reply: 'heard late' }, '200']);
    const fresh = await client.ask('tcp', { host: 'server.foo', port: 9000, say: 'fresh' });
    expect(fresh).to.deep.equal({ reply: 'heard fresh' });
    const after = await state();
    expect(after.disturbances).to.deep.equal(before.disturbances);
    const took = after.updates.map((each, index) => moved(before.updates[index] ?? {}, each));
    expect(took).to.deep.equal([{ 'sds.default.update_success': 1 }, { 'sds.default.update_success': 1 }]);
  });
});
