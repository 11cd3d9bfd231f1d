import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { isRecord } from '../../../src/lib/is-record.ts';
import type { Resource } from '../../../src/model/resource.ts';
import { types } from '../../../src/model/type-urls.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { json } from '../../support/compiled.ts';
import { compiledCase, goldenCases } from '../../support/golden.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../../golden');
const tools = resolve(import.meta.dirname, '../../../.tools');

/** A whole proxy in one file. Filters and routes that are discovered stand in their places, so that they are read, too. */
function bootstrap(resources: readonly Resource[]): object {
  const of = (type: string) => resources.filter((each) => each.type === type);
  const filters = new Map(of(types.extension).map((each) => [each.name, json(each)]));
  // Virtual hosts that are discovered one by one can stand in no file.
  const tables = new Map(
    of(types.route)
      .map((each) => [each.name, json(each)] as const)
      .filter(([, table]) => !(isRecord(table) && 'vhds' in table)),
  );
  const inPlace = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inPlace);
    if (typeof value !== 'object' || value === null) return value;
    if ('config_discovery' in value && 'name' in value) return filters.get(String(value.name));
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => {
        const table = name === 'rds' && isRecord(each) ? tables.get(String(each['route_config_name'])) : undefined;
        return table === undefined ? [name, inPlace(each)] : ['route_config', table];
      }),
    );
  };
  const grpc = { envoy_grpc: { cluster_name: 'xds-grpc' } };
  return {
    node: { id: 'sidecar', cluster: 'foo' },
    dynamic_resources: {
      ads_config: { api_type: 'DELTA_GRPC', transport_api_version: 'V3', grpc_services: [grpc] },
    },
    static_resources: {
      listeners: of(types.listener).map((each) => inPlace(json(each))),
      clusters: [...of(types.cluster).map(json), { name: 'xds-grpc', type: 'STATIC', connect_timeout: '1s' }],
    },
  };
}

describe('golden cases', function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coxswain-golden-'));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  for (const name of goldenCases(root)) {
    it(`${name}: every Envoy takes all of it`, async () => {
      for (const { proxy, resources } of compiledCase(join(root, name))) {
        const file = join(folder, 'envoy.json');
        await writeFile(file, JSON.stringify(bootstrap(resources)));
        for (const version of envoyVersions) {
          const binary = join(tools, `envoy-${version}`, 'envoy');
          const { stdout, stderr } = await run(binary, [
            '--mode',
            'validate',
            '-c',
            file,
            '--log-level',
            'error',
          ]).catch((failed: { readonly stdout: string; readonly stderr: string }) => failed);
          expect(`${stderr}${stdout}`.trim(), `${proxy.name} on ${version}`).to.match(/^configuration '.*' OK$/);
        }
      }
    });
  }
});
