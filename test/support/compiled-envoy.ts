import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Compiled } from './compiled.ts';
import { listening, stop } from './envoy-process.ts';
import { freePort } from './free-ports.ts';

const tools = resolve(import.meta.dirname, '../../.tools');

/** What came of a request: the status, the answer's own text, and the headers with which it reached the application. */
export interface Answered {
  readonly status: number;
  readonly body: string;
  /** Undefined where the application was never asked. */
  readonly headers: Readonly<Record<string, string>> | undefined;
}

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A real Envoy of one version with one plaintext chain of a compiled sidecar: the filters that are discovered stand where they
 * are named, and the application behind it tells what it got. Clusters have no endpoints but those that `endpoints` gives.
 */
export class CompiledEnvoy implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #app: Server;
  readonly #port: number;

  private constructor(process: ChildProcess, folder: string, app: Server, port: number) {
    this.#process = process;
    this.#folder = folder;
    this.#app = app;
    this.#port = port;
  }

  static async start(
    version: string,
    compiled: Compiled,
    chain: string,
    endpoints: Readonly<Record<string, number>> = {},
  ): Promise<CompiledEnvoy> {
    const port = await freePort();
    const app = createServer((asked, answer) => {
      answer.setHeader('x-reached', 'yes').end(JSON.stringify(asked.headers));
    });
    app.listen(0, '127.0.0.1');
    await once(app, 'listening');
    const address = app.address();
    const appPort = typeof address === 'object' && address !== null ? address.port : 0;
    const folder = await mkdtemp(join(tmpdir(), 'coxswain-compiled-'));
    const file = join(folder, 'envoy.json');
    await writeFile(file, JSON.stringify(bootstrap(compiled, chain, port, appPort, endpoints)), { mode: 0o600 });
    const flags = ['--disable-hot-restart', '--concurrency', '1', '--log-level', 'error'];
    const child = spawn(join(tools, `envoy-${version}`, 'envoy'), ['-c', file, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const envoy = new CompiledEnvoy(child, folder, app, port);
    try {
      await listening(envoy.#process, port);
    } catch (error) {
      await envoy[Symbol.asyncDispose]();
      throw new Error(`envoy ${version} did not start: ${said.slice(0, 2_000)}`, { cause: error });
    }
    return envoy;
  }

  async ask({ method = 'GET', path = '/', headers = {} }: Asked = {}): Promise<Answered> {
    const sent = request({ host: '127.0.0.1', port: this.#port, method, path, headers, agent: false });
    sent.end();
    const [answer] = await once(sent, 'response');
    let body = '';
    for await (const chunk of answer) body += chunk;
    const reached = answer.headers['x-reached'] !== undefined;
    return { status: answer.statusCode, body: reached ? '' : body, headers: reached ? JSON.parse(body) : undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#process);
    this.#app.close();
    this.#app.closeAllConnections();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

interface Filter {
  readonly name: string;
  readonly typed_config?: { readonly http_filters?: readonly Filter[]; readonly [field: string]: unknown };
  readonly config_discovery?: unknown;
}

interface Listener {
  readonly filter_chains: readonly { readonly name?: string; readonly filters: readonly Filter[] }[];
}

function bootstrap(
  compiled: Compiled,
  chain: string,
  port: number,
  appPort: number,
  endpoints: Readonly<Record<string, number>>,
): object {
  const listener = compiled.json('listener', 'virtualInbound') as Listener;
  const filters = listener.filter_chains.find(({ name }) => name === chain)?.filters;
  if (filters === undefined) throw new Error(`no chain ${chain}`);
  const inPlace = (filter: Filter): unknown =>
    filter.config_discovery === undefined ? filter : compiled.json('extension', filter.name);
  const clusters = compiled.names('cluster').map((name) => {
    const { typed_extension_protocol_options } = compiled.json('cluster', name) as Readonly<Record<string, unknown>>;
    const to = name.startsWith('inbound|') ? appPort : endpoints[name];
    return {
      name,
      connect_timeout: '1s',
      ...(name.startsWith('inbound|') ? {} : { typed_extension_protocol_options }),
      ...(to === undefined ? {} : { load_assignment: assignment(name, to) }),
    };
  });
  return {
    static_resources: {
      listeners: [
        {
          name: 'inbound',
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          filter_chains: [
            {
              filters: filters.map((filter) => {
                const { typed_config } = filter;
                if (typed_config?.http_filters === undefined) return filter;
                return {
                  ...filter,
                  typed_config: { ...typed_config, http_filters: typed_config.http_filters.map(inPlace) },
                };
              }),
            },
          ],
        },
      ],
      clusters: [...clusters, { name: 'xds-grpc', connect_timeout: '1s' }],
    },
  };
}

function assignment(cluster: string, port: number): object {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  return { cluster_name: cluster, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] };
}
