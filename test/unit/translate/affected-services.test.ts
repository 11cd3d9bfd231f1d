import { expect } from 'chai';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { ServiceEntry } from '../../../src/model/service-entry.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { affected } from '../../../src/translate/affected.ts';
import { serviceEntry } from '../../support/objects.ts';
import { httpRoute, virtualService } from '../../support/virtual-services.ts';

describe('affected services', () => {
  it('are found among any number of ServiceEntries by host, within a wildcard by all hosts', () => {
    let reads = 0;
    const entries = Array.from({ length: 300 }, (_, index) => {
      const entry: ServiceEntry = serviceEntry('ext', `e-${index}`, `e-${index}.example`, [[80, 80, 'http']]);
      const { hosts } = entry;
      return Object.defineProperty({ ...entry }, 'hosts', {
        enumerable: true,
        get: () => {
          reads += 1;
          return hosts;
        },
      });
    });
    const store = new Store(defaultMesh);
    store.commit([{ type: 'reset', objects: entries }]);
    const edit = (host: string, to: string): ReadonlySet<string> => {
      const before = store.snapshot;
      const object = virtualService('ext', 'one', [host], { http: [httpRoute(to)] });
      const { snapshot, changes } = store.commit([{ type: 'apply', object }]);
      return affected(before, snapshot, changes).services;
    };
    expect(edit('e-7.example', 'a.test')).to.include('ext/e-7/e-7.example');
    reads = 0;
    expect([...edit('e-7.example', 'b.test')]).to.deep.equal(['//e-7.example', 'ext/e-7/e-7.example']);
    expect(reads).to.equal(0);
    expect([...edit('*.example', 'b.test')].filter((key) => key.startsWith('ext/'))).to.have.length(300);
  });
});
