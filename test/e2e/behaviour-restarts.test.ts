import { expect } from 'chai';
import { connected, keptHttp, moved, shortAnswer, updates, workloadSerial } from '../support/behaviour-envoy.ts';
import { difference, envoyVersions } from '../support/e2e-dumps.ts';
import { Mesh, newestEnvoy } from '../support/e2e-mesh.ts';
import { deny, meshMode, to } from '../support/e2e-policies.ts';
import type { Probe } from '../support/e2e-probe.ts';
import { world } from '../support/e2e-world.ts';
import { eventually } from '../support/sandbox.ts';

const denyPath = (path: string) => deny([to({ paths: [path], ports: ['8080'] })]);
/** One count of each type, so that a count that is not there is not taken for one that stood still. */
const perType = [
  'cluster_manager.cds.update_success',
  'listener_manager.lds.update_success',
  'cluster.outbound|80||server.foo.svc.cluster.local.update_success',
  'sds.default.update_success',
  'extension_config_discovery.http_filter.coxswain.http.rbac.deny.update_success',
];
/** The fence moves with every write of ours: see e2e-mesh.ts. */
const withoutFence = (counts: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(counts).filter(([name]) => !name.includes('fence.legacy')));

const state = async (probe: Probe) => ({
  updates: await updates(probe),
  versions: await envoyVersions(probe),
  serial: await workloadSerial(probe),
});

describe('a restart', () => {
  let mesh: Mesh;

  before(async () => {
    mesh = await Mesh.up(newestEnvoy());
  });

  after(async () => {
    await mesh[Symbol.asyncDispose]();
  });

  const everyone = async <T>(ask: (probe: Probe) => Promise<T>): Promise<readonly T[]> =>
    await Promise.all(world.sidecars.map((pod) => ask(mesh.probe(pod))));

  it('of a killed control plane leaves traffic alone and moves only what changed meanwhile', async () => {
    await mesh.enforce([meshMode('STRICT'), denyPath('/data')], { drained: true });
    const kept = await keptHttp(mesh.probe('sleep.bar'), 'server.foo');
    expect([await kept.get('/data'), await kept.get('/else')]).to.deep.equal(['403', '200']);
    const before = await everyone(state);
    for (const counts of before) expect(counts.updates).to.include.keys(perType);

    await mesh.sandbox.killControlPlane('SIGKILL');
    await everyone((probe) => connected(probe, false));
    await mesh.write([meshMode('STRICT'), denyPath('/else')]);
    expect([await kept.get('/data'), await kept.get('/else')]).to.deep.equal(['403', '200']);
    const fresh = await mesh.probe('sleep.foo').ask('http', { host: 'server.foo', port: 80, path: '/' });
    expect(shortAnswer(fresh)).to.equal('200');

    await mesh.sandbox.startControlPlane();
    await everyone((probe) => connected(probe, true));
    await mesh.settled();
    expect([await kept.get('/data'), await kept.get('/else')]).to.deep.equal(['200', '403']);
    const after = await everyone(state);
    const took = after.map((each, index) => withoutFence(moved(before[index]?.updates ?? {}, each.updates)));
    const rule = 'extension_config_discovery.http_filter.coxswain.http.rbac.deny.update_success';
    // One empty answer to each that comes back (delta.ts), and nothing else.
    const heard = { 'cluster_manager.cds.update_success': 1 };
    expect(took).to.deep.equal(world.sidecars.map((pod) => (pod === 'server.foo' ? { ...heard, [rule]: 1 } : heard)));
    expect(after.map(({ serial }) => serial)).to.deep.equal(before.map(({ serial }) => serial));
    const extension = 'extension coxswain.http.rbac.deny';
    const changed = after.map(({ versions }, index) =>
      Object.keys(difference(before[index]?.versions ?? {}, versions)),
    );
    expect(changed).to.deep.equal(world.sidecars.map((pod) => (pod === 'server.foo' ? [extension] : [])));
  });

  it('of a killed Envoy brings the same configuration back', async () => {
    const server = mesh.probe('server.foo');
    const before = await envoyVersions(server);
    await mesh.sandbox.killEnvoy('server.foo', 'SIGKILL');
    const answered = async (probe: Probe) =>
      shortAnswer(await probe.ask('http', { host: '127.0.0.1', port: 15_000, path: '/ready' }));
    const call = async () =>
      shortAnswer(await mesh.probe('sleep.bar').ask('http', { host: 'server.foo', port: 80, path: '/' }));
    expect(await call()).to.equal('503');
    expect(await answered(server)).to.equal('refused');
    await mesh.sandbox.startEnvoy('server.foo');
    await mesh.settled();
    expect(await envoyVersions(server)).to.deep.equal(before);
    await eventually('200', async () => ((await call()) === '200' ? true : undefined));
  });
});
