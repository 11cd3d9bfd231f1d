import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode, fromJson } from '@envoyproxy/protos';
import { expect } from 'chai';
import { parse } from 'yaml';
import { types } from '../../src/model/type-urls.ts';
import { translate } from '../../src/translate/translate.ts';
import { json } from '../support/compiled.ts';
import { actualFiles, expectedFiles, goldenCases, updateFiles } from '../support/golden.ts';
import { parseCase } from '../support/golden-case.ts';
import { goldenYaml } from '../support/golden-yaml.ts';
import { peerAuthentication, pod, service, sidecar, snapshotOf } from '../support/objects.ts';

describe('golden runner', () => {
  let root: string;
  let folder: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'golden-'));
    folder = join(root, 'registry-only');
    cpSync(join(import.meta.dirname, 'registry-only'), folder, { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('takes every folder that holds an in.yaml for a case', () => {
    mkdirSync(join(root, 'not-a-case'));
    expect(goldenCases(root)).to.deep.equal(['registry-only']);
  });

  it('sees a missing, a changed and a stale file, and mends all three', () => {
    expect(actualFiles(folder)).to.deep.equal(expectedFiles(folder));
    const [first = '', second = ''] = readdirSync(join(folder, 'out')).sort();
    rmSync(join(folder, 'out', first));
    writeFileSync(join(folder, 'out', second), 'name: wrong\n');
    writeFileSync(join(folder, 'out', 'gone.foo.cluster.yaml'), 'name: stale\n');
    expect([...actualFiles(folder).keys()]).to.deep.equal(['gone.foo.cluster.yaml', second]);
    expect(actualFiles(folder).get(second)).to.not.equal(expectedFiles(folder).get(second));
    updateFiles(folder);
    expect(actualFiles(folder)).to.deep.equal(expectedFiles(folder));
  });

  it('refuses manifests with findings', () => {
    writeFileSync(join(folder, 'in.yaml'), 'apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {port: 80}\n');
    expect(() => expectedFiles(folder)).to.throw('in.yaml: spec.port: ');
  });

  it('refuses a case that shows nothing, or names what is not there', () => {
    const show = (list: unknown, proxy = 'sleep.foo') => ({ about: 'x', proxies: { [proxy]: { show: list } } });
    expect(() => parseCase({ about: 'x', proxies: {} })).to.throw('proxies is empty');
    expect(() => parseCase(show({}))).to.throw('sleep.foo shows nothing');
    expect(() => parseCase(show({ listener: [] }))).to.throw('no list of names');
    expect(() => parseCase(show({ listeners: ['*'] }))).to.throw('unknown fields: listeners');
    for (const [wanted, message] of [
      [show({ cluster: ['nowhere'] }), 'nothing is named nowhere'],
      [show({ listener: ['virtualInbound#nowhere'] }), 'virtualInbound has no chain nowhere'],
      [show({ cluster: ['*'] }, 'nobody.foo'), 'in.yaml has no workload nobody.foo'],
    ] as const) {
      writeFileSync(join(folder, 'case.yaml'), JSON.stringify(wanted));
      expect(() => expectedFiles(folder)).to.throw(message);
    }
  });
});

describe('golden YAML', () => {
  it('is exactly what is sent: read back and encoded, it gives the same bytes', () => {
    const web = pod('foo', 'web-1', '10.0.0.1');
    const objects = [
      web,
      service(
        'foo',
        'web',
        [
          [80, 8080, 'http'],
          [7000, 7000, 'auto'],
        ],
        { addresses: ['10.96.0.1'] },
      ),
      peerAuthentication('foo', 'web', 'STRICT', { labels: { app: 'web' }, ports: [[9000, 'PERMISSIVE']] }),
    ];
    const listeners = translate(snapshotOf(objects), sidecar(web)).resources.filter(
      ({ type }) => type === types.listener,
    );
    expect(listeners.length).to.be.greaterThan(2);
    for (const listener of listeners) {
      const text = goldenYaml([{ json: json(listener) as object, note: '' }]);
      const read: unknown = parse(text);
      expect(read).to.deep.equal(json(listener));
      const name = 'envoy.config.listener.v3.Listener';
      expect(Buffer.from(encode(name, fromJson(name, read))).equals(listener.body)).to.equal(true);
    }
  });

  it('writes a large part that repeats once, under the name of its type, and small ones each time', () => {
    const large = { '@type': 'type.googleapis.com/a.b.Large', a: 1, b: [2, 3] };
    expect(goldenYaml([{ json: { one: large, two: large, three: { x: 1 }, four: { x: 1 } }, note: 'why' }])).to.equal(
      [
        '---',
        '# why',
        'one: &Large',
        '  "@type": type.googleapis.com/a.b.Large',
        '  a: 1',
        '  b:',
        '    - 2',
        '    - 3',
        'two: *Large',
        'three:',
        '  x: 1',
        'four:',
        '  x: 1',
        '',
      ].join('\n'),
    );
  });
});
