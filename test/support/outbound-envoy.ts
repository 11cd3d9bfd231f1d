import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isRecord } from '../../src/lib/is-record.ts';
import type { Resource } from '../../src/model/resource.ts';
import type { Outbound } from '../../src/translate/outbound.ts';
import { json } from './compiled.ts';
import { listening, stop } from './envoy-process.ts';

const tools = resolve(import.meta.dirname, '../../.tools');

/**
 * A real Envoy with the outbound side of a client, in files. Nothing is intercepted: each listener is bound where traffic that was would
 * have been meant for, so ports of services must be free ones, and addresses those of the loopback.
 */
export class OutboundEnvoy implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(process: ChildProcess, folder: string) {
    this.#process = process;
    this.#folder = folder;
  }

  /** Waits until all of `ports` are open. Names are asked of the DNS server on port `dns` of the loopback. */
  static async start(
    version: string,
    outbound: Outbound,
    namespace: string,
    { ports, dns }: { readonly ports: readonly number[]; readonly dns: number },
  ): Promise<OutboundEnvoy> {
    const folder = await mkdtemp(join(tmpdir(), 'coxswain-outbound-'));
    const config = { ...(await bootstrap(outbound, namespace, folder)), ...resolver(dns) };
    await writeFile(join(folder, 'envoy.json'), JSON.stringify(config));
    const flags = ['--disable-hot-restart', '--concurrency', '1', '--log-level', 'error'];
    const child = spawn(join(tools, `envoy-${version}`, 'envoy'), ['-c', join(folder, 'envoy.json'), ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const envoy = new OutboundEnvoy(child, folder);
    try {
      for (const port of ports) await listening(envoy.#process, port);
    } catch (error) {
      await envoy[Symbol.asyncDispose]();
      throw new Error(`envoy ${version} did not start: ${said.slice(0, 4_000)}`, { cause: error });
    }
    return envoy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#process);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function bootstrap(outbound: Outbound, namespace: string, folder: string): Promise<object> {
  const of = (resources: Iterable<Resource>) => [...resources].map((each) => record(json(each)));
  const routes = new Map([...outbound.inlineRoutes(namespace).resources].map(([name, each]) => [name, json(each)]));
  // Envoy takes one assignment from a file.
  const files = new Map<string, string>();
  for (const [name, each] of outbound.endpoints.resources) {
    const type = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
    const file = join(folder, `eds-${files.size}.json`);
    await writeFile(file, JSON.stringify({ resources: [{ '@type': type, ...record(json(each)) }] }));
    files.set(name, file);
  }
  const listeners = of(outbound.listeners.resources.values()).filter((each) => each['name'] !== 'virtualOutbound');
  return {
    static_resources: {
      listeners: listeners.map((each) => withRoutes({ ...each, bind_to_port: true }, routes)),
      clusters: of(outbound.clusters.resources.values()).map((each) => {
        const path = files.get(String(each['name']));
        if (path === undefined) return each;
        return {
          ...each,
          eds_cluster_config: { eds_config: { resource_api_version: 'V3', path_config_source: { path } } },
        };
      }),
    },
    node: { id: 'sidecar', cluster: 'test' },
  };
}

function resolver(port: number): object {
  const typed = 'type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig';
  const resolvers = [{ socket_address: { address: '127.0.0.1', port_value: port } }];
  return {
    typed_dns_resolver_config: {
      name: 'envoy.network.dns_resolver.cares',
      typed_config: { '@type': typed, resolvers, dns_resolver_options: { no_default_search_domain: true } },
    },
  };
}

/** Route configurations in the places where they are named. */
function withRoutes(value: unknown, routes: ReadonlyMap<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map((each) => withRoutes(each, routes));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) =>
      name === 'rds' && isRecord(each)
        ? ['route_config', routes.get(String(each['route_config_name']))]
        : [name, withRoutes(each, routes)],
    ),
  );
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new Error('no message');
  return value;
}
