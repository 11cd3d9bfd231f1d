import { expect } from 'chai';
import { followMesh, type MeshSettings } from '../../../../src/config/kubernetes/mesh-config-map.ts';
import type { KubeObject } from '../../../../src/kube/object.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import { type OpenWatch, ScriptedKube, Taken, turnOfLoop, watchLine } from '../../../support/scripted-kube.ts';

const defaults = { ...defaultMesh, rootNamespace: 'mesh-root' };

function configMap(mesh: string | undefined, resourceVersion = '1'): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'mesh-root', uid: 'u', resourceVersion },
    data: { meshNetworks: 'networks: {}', ...(mesh === undefined ? {} : { mesh }) },
  };
}

class World {
  readonly kube = new ScriptedKube();
  readonly stop = new AbortController();
  readonly taken = new Taken(
    followMesh(
      {
        client: this.kube,
        namespace: 'mesh-root',
        cluster: 'east',
        clock: this.kube.clock,
        random: () => 0,
        log: silentLogger,
      },
      this.stop.signal,
    ),
  );

  /** The first value, for a cluster with these ConfigMaps. */
  async start(...items: readonly KubeObject[]): Promise<MeshSettings | undefined> {
    const first = this.taken.next();
    const asked = await this.kube.next();
    expect([asked.path, asked.query['fieldSelector']]).to.deep.equal([
      '/api/v1/namespaces/mesh-root/configmaps',
      'metadata.name=istio',
    ]);
    asked.answer({ metadata: { resourceVersion: '10' }, items });
    return await first;
  }

  /** The value after this line of the watch. */
  async after(...lines: readonly string[]): Promise<MeshSettings | undefined> {
    const next = this.taken.next();
    this.#watch ??= (await this.kube.next()).open();
    for (const line of lines) this.#watch.send(line);
    return await next;
  }
  #watch: OpenWatch | undefined;
}

const changed = (mesh: string | undefined, version: string): string => watchLine('MODIFIED', configMap(mesh, version));
const codes = (settings: MeshSettings | undefined): readonly string[] =>
  (settings?.findings ?? []).map(({ code, object, field, origin }) => `${code} ${object} ${field} ${origin.kind}`);
const where = 'ConfigMap/mesh-root/istio';

describe('mesh settings of a cluster', () => {
  it('are the defaults without the ConfigMap or its key, with the namespace it would stand in', async () => {
    expect(await new World().start()).to.deep.equal({ kind: 'usable', mesh: defaults, findings: [] });
    expect(await new World().start(configMap(undefined))).to.deep.equal({
      kind: 'usable',
      mesh: defaults,
      findings: [],
    });
  });

  it('are read at the start, then followed', async () => {
    const world = new World();
    const first = await world.start(configMap('trustDomain: td1\noutboundTrafficPolicy: {mode: REGISTRY_ONLY}\n'));
    expect(first).to.deep.equal({
      kind: 'usable',
      mesh: { ...defaults, trustDomain: 'td1', outboundTrafficPolicy: 'REGISTRY_ONLY' },
      findings: [],
    });
    // The same settings in other words, or another key: no news.
    const next = await world.after(
      changed('outboundTrafficPolicy: {mode: REGISTRY_ONLY}\ntrustDomain: td1', '11'),
      changed('trustDomain: td1\nconnectTimeout: 5s', '12'),
    );
    expect(next).to.deep.include({ kind: 'usable', mesh: { ...defaults, trustDomain: 'td1' } });
    expect(codes(next)).to.deep.equal([`not-supported ${where} connectTimeout cluster`]);
    expect(await world.after(watchLine('DELETED', configMap('', '13')))).to.deep.equal({
      kind: 'usable',
      mesh: defaults,
      findings: [],
    });
  });

  it('keep their last good state over a broken edit, and say so', async () => {
    const world = new World();
    await world.start(configMap('trustDomain: td1'));
    const broken = await world.after(changed('trustDomian: td2', '11'));
    expect(broken).to.deep.include({ kind: 'usable', mesh: { ...defaults, trustDomain: 'td1' } });
    expect(codes(broken)).to.deep.equal([
      `unknown-field ${where} trustDomian cluster`,
      `last-good-kept ${where}  cluster`,
    ]);
    expect(await world.after(changed('trustDomain: td2', '12'))).to.deep.equal({
      kind: 'usable',
      mesh: { ...defaults, trustDomain: 'td2' },
      findings: [],
    });
  });

  it('are broken, and not the defaults, as long as they never were good', async () => {
    const world = new World();
    const first = await world.start(configMap('outboundTrafficPolicy: REGISTRY_ONLY'));
    expect([first?.kind, codes(first)]).to.deep.equal([
      'broken',
      [`wrong-type ${where} outboundTrafficPolicy cluster`],
    ]);
    expect(await world.after(changed('trustDomain: td2', '12'))).to.deep.include({ kind: 'usable' });
  });

  it('end with the signal', async () => {
    const world = new World();
    await world.start();
    const next = world.taken.next();
    await turnOfLoop();
    world.stop.abort();
    expect(await next).to.equal(undefined);
  });
});
