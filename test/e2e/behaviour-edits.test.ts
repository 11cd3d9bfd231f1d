import { expect } from 'chai';
import { disturbances, findingsIn, keptHttp, shortAnswer } from '../support/behaviour-envoy.ts';
import { Mesh, newestEnvoy } from '../support/e2e-mesh.ts';
import { deny, from, meshMode, to } from '../support/e2e-policies.ts';
import { eventually } from '../support/sandbox.ts';

/** A change of its paths is nothing to a TCP port: RBAC there stands in the listener, and knows no paths. */
const denyPath = (path: string) => deny([to({ paths: [path], ports: ['8080'] })]);

describe('a policy edit', () => {
  let mesh: Mesh;

  before(async () => {
    mesh = await Mesh.up(newestEnvoy());
  });

  afterEach(async () => {
    await mesh.enforce([], { drained: true });
  });

  after(async () => {
    await mesh[Symbol.asyncDispose]();
  });

  for (const pod of ['sleep.foo', 'sleep.legacy']) {
    it(`turns 200 into 403 and back on an open connection of ${pod} and drains nothing`, async () => {
      await mesh.enforce([denyPath('/else')], { drained: true });
      const server = mesh.probe('server.foo');
      const kept = await keptHttp(mesh.probe(pod), 'server.foo');
      const seen = [await kept.get('/data'), await kept.get('/free')];
      const before = await disturbances(server);
      for (const path of ['/data', '/else', '/d*', '/else']) {
        await mesh.enforce([denyPath(path)]);
        seen.push(await kept.get('/data'), await kept.get('/free'));
      }
      expect(seen).to.deep.equal(['200', '200', '403', '200', '200', '200', '403', '200', '200', '200']);
      expect(await disturbances(server)).to.deep.equal(before);
    });
  }

  it('that adds TCP rules beside HTTP ones leaves open HTTP connections alone', async () => {
    const server = mesh.probe('server.foo');
    const kept = await keptHttp(mesh.probe('sleep.bar'), 'server.foo');
    expect(await kept.get('/')).to.equal('200');
    const before = await disturbances(server);
    await mesh.enforce([deny([from({ namespaces: ['bar'] })])], { drained: true });
    expect(await kept.get('/')).to.equal('403');
    await mesh.enforce([], { drained: true });
    expect(await kept.get('/')).to.equal('200');
    const moved = await disturbances(server);
    const connections = (counts: Readonly<Record<string, number>>) =>
      Object.entries(counts).filter(([name]) => name.startsWith('http.inbound'));
    expect(connections(moved)).to.deep.equal(connections(before));
  });

  it('to STRICT ends open plaintext connections within seconds, HTTP and TCP', async () => {
    const outside = mesh.probe('sleep.legacy');
    const inside = mesh.probe('sleep.bar');
    const [http, meshHttp] = [await keptHttp(outside, 'server.foo'), await keptHttp(inside, 'server.foo')];
    const [tcp, meshTcp] = [
      await outside.ask('open', { host: 'server.foo', port: 9000 }),
      await inside.ask('open', { host: 'server.foo', port: 9000 }),
    ];
    expect([await http.get('/'), await meshHttp.get('/')]).to.deep.equal(['200', '200']);
    const heard = { reply: 'heard hello' };
    expect(await outside.ask('say', { connection: tcp, text: 'hello' })).to.deep.equal(heard);
    expect(await inside.ask('say', { connection: meshTcp, text: 'hello' })).to.deep.equal(heard);
    await mesh.write([meshMode('STRICT')]);
    const ends = await Promise.all(
      [http.connection, tcp].map((connection) => outside.ask('ended', { connection, timeoutMs: 5_000 })),
    );
    expect(ends.map(({ state }) => state)).to.not.include('open');
    expect(shortAnswer(await outside.ask('http', { host: 'server.foo', port: 80, path: '/' }))).to.be.oneOf([
      'reset',
      'closed',
    ]);
    expect(await meshHttp.get('/')).to.equal('200');
  });

  it('that breaks its file leaves what was right in force, tells where it is wrong, and counts once it is right', async () => {
    const kept = await keptHttp(mesh.probe('sleep.bar'), 'server.foo');
    const policy = (paths: string): string =>
      [
        'apiVersion: security.istio.io/v1',
        'kind: AuthorizationPolicy',
        'metadata: { name: closed, namespace: foo }',
        'spec:',
        '  action: DENY',
        '  rules:',
        `    - to: [{ operation: { ports: ["8080"], ${paths} } }]`,
      ].join('\n');
    const write = (text: string) => mesh.sandbox.apply(text, { file: 'closed.yaml' });
    const complaint = () => findingsIn(mesh, 'closed.yaml');
    let fences = 0;
    const seeFence = async (): Promise<void> => {
      fences += 1;
      const path = `/fence-${fences}`;
      await mesh.write([deny([to({ paths: [path], ports: ['8080'] })])]);
      await eventually(path, async () => ((await kept.get(path)) === '403' ? true : undefined));
    };
    await seeFence();
    await write(policy('paths: [/data]'));
    await eventually('403', async () => ((await kept.get('/data')) === '403' ? true : undefined));
    const mute = await complaint();
    for (const broken of [policy('paths: [/else'), policy('paths: { is: /else }')]) {
      await write(broken);
      const found = await eventually('a finding', async () => {
        const all = await complaint();
        return all.some(({ severity }) => severity === 'error') ? all : undefined;
      });
      expect(found.filter(({ severity }) => severity === 'error').map(({ at }) => at)).to.deep.equal(['closed.yaml:7']);
      await seeFence();
      expect([await kept.get('/data'), await kept.get('/else')]).to.deep.equal(['403', '200']);
    }
    await write(policy('paths: [/else]'));
    await eventually('the new rule', async () => ((await kept.get('/else')) === '403' ? true : undefined));
    expect(await kept.get('/data')).to.equal('200');
    expect(await complaint()).to.deep.equal(mute);
    await mesh.sandbox.remove('closed.yaml');
  });
});
