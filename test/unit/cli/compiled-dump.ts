import { configDump } from '../../../src/admin/config-dump.ts';
import type { Proxy } from '../../../src/model/proxy.ts';
import type { Layer } from '../../../src/model/resource.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { translate } from '../../../src/translate/translate.ts';
import { json } from '../../support/compiled.ts';

/** What an Envoy would say that it holds, once it took all that it is sent. */
export function compiledDump(snapshot: Snapshot, proxy: Proxy): string {
  const { resources } = translate(snapshot, proxy);
  const layers = (type: string): readonly Layer[] => [
    { key: '', resources: new Map(resources.filter((each) => each.type === type).map((each) => [each.name, each])) },
  ];
  const { configs } = configDump(layers, (resource) => Object(json(resource)));
  const bootstrap = {
    '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump',
    bootstrap: { node: { id: proxy.id } },
  };
  return JSON.stringify({ configs: [bootstrap, ...configs] });
}
