import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type CommandResult, runChecked } from '../../src/sandbox/run-command.ts';
import { PodNetwork } from './pod-network.ts';
import { eventually } from './sandbox.ts';

const repo = resolve(import.meta.dirname, '../..');

/** Ports of the edge: what each asks of the browser. */
export const edgePorts = { simple: 443, mutual: 8443, mutualDenied: 9443, optional: 10443 } as const;

const app = 8080;
const admin = 15000;
const host = 'backoffice.example.com';

/** What the person at the browser has installed. */
export type Installed = 'ca' | 'macbook' | 'desktop' | 'stranger' | 'nothing';

/**
 * A stock Envoy with a configuration of the test's own, as a gateway would have it, before the app of the browser-mtls example;
 * and browsers in the same network namespace. The certificates come from the example's own script.
 */
export class BrowserEnvoy implements AsyncDisposable {
  readonly #network: PodNetwork;

  private constructor(network: PodNetwork) {
    this.#network = network;
  }

  static async start(version: string, address: string): Promise<BrowserEnvoy> {
    const network = await PodNetwork.make(address);
    try {
      const script = join(repo, 'examples/browser-mtls/certificates.sh');
      await Promise.all(['certs', 'strangers'].map((folder) => runChecked([script, join(network.dir, folder)])));
      const file = join(network.dir, 'envoy.json');
      await writeFile(file, JSON.stringify(await bootstrap(join(network.dir, 'certs'))), { mode: 0o600 });
      network.spawn(process.execPath, join(repo, 'examples/apps/backoffice.ts'), '--port', String(app));
      const envoy = [join(repo, '.tools', `envoy-${version}`, 'envoy'), '-c', file, '--concurrency', '1'];
      network.spawn(...envoy, '--disable-hot-restart', '--log-level', 'error');
      const edge = new BrowserEnvoy(network);
      await eventually('the edge to answer', async () =>
        (await edge.curl('simple', 'ca')).startsWith('<!doctype html>') ? true : undefined,
      );
      return edge;
    } catch (thrown) {
      await network[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** What the program of the example prints, and its exit code. */
  async browse(port: keyof typeof edgePorts, installed: Installed): Promise<Omit<CommandResult, 'stderr'>> {
    const flags = {
      nothing: [],
      ca: ['--ca', this.#file('certs/office-ca.crt')],
      macbook: this.#client('certs/macbook'),
      desktop: this.#client('certs/desktop'),
      stranger: this.#client('strangers/macbook'),
    }[installed];
    const argv = [process.execPath, '--disable-warning=ExperimentalWarning', join(repo, 'examples/browser/browser.ts')];
    const { stdout, code } = await this.#network.run(
      ...argv,
      ...flags,
      ...['--map', `${host}=${this.#network.address}`],
      `https://${host}:${edgePorts[port]}/`,
    );
    return { stdout, code };
  }

  /** What curl gets to see with the same files. */
  async curl(port: keyof typeof edgePorts, installed: 'ca' | 'macbook' | 'desktop'): Promise<string> {
    const password = (await readFile(this.#file('certs/password'), 'utf8')).trim();
    const client = ['--cert-type', 'P12', '--cert', `${this.#file(`certs/${installed}.p12`)}:${password}`];
    const { stdout } = await this.#network.run(
      ...['curl', '-s', '--max-time', '5', '--cacert', this.#file('certs/office-ca.crt')],
      ...(installed === 'ca' ? [] : client),
      ...['--connect-to', `${host}:${edgePorts[port]}:${this.#network.address}:`],
      `https://${host}:${edgePorts[port]}/`,
    );
    return stdout;
  }

  /** How many connections Envoy has refused at a port because they brought no certificate. */
  async withoutCertificate(port: keyof typeof edgePorts): Promise<number> {
    const name = `listener.0.0.0.0_${edgePorts[port]}.ssl.fail_verify_no_cert`;
    const { stdout } = await this.#network.run('curl', '-s', `http://127.0.0.1:${admin}/stats?filter=${name}`);
    return Number(/: (\d+)/.exec(stdout)?.[1]);
  }

  #file(name: string): string {
    return join(this.#network.dir, name);
  }

  #client(name: string): readonly string[] {
    const store = ['--pkcs12', this.#file(`${name}.p12`), '--password-file', this.#file(join(name, '../password'))];
    return ['--ca', this.#file('certs/office-ca.crt'), ...store];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#network[Symbol.asyncDispose]();
  }
}

async function bootstrap(certs: string): Promise<object> {
  const chain = { filename: join(certs, 'backoffice.crt') };
  const key = { filename: join(certs, 'backoffice.key') };
  const trusted = { trusted_ca: { filename: join(certs, 'office-ca.crt') } };
  const listener = (port: number, clients: 'none' | 'required' | 'optional', denied: readonly string[]) => ({
    name: `edge-${port}`,
    address: socketAddress('0.0.0.0', port),
    listener_filters: [typed('listener.tls_inspector', 'filters.listener.tls_inspector.v3.TlsInspector')],
    filter_chains: [
      {
        filter_chain_match: { server_names: [host] },
        transport_socket: typed('tls', 'transport_sockets.tls.v3.DownstreamTlsContext', {
          require_client_certificate: clients === 'required',
          common_tls_context: {
            alpn_protocols: ['h2', 'http/1.1'],
            tls_certificates: [{ certificate_chain: chain, private_key: key }],
            ...(clients === 'none' ? {} : { validation_context: trusted }),
          },
        }),
        filters: [httpManager(denied)],
      },
    ],
  });
  return {
    admin: { address: socketAddress('127.0.0.1', admin) },
    static_resources: {
      listeners: [
        listener(edgePorts.simple, 'none', []),
        listener(edgePorts.mutual, 'required', []),
        listener(edgePorts.mutualDenied, 'required', ['spiffe://macbook']),
        listener(edgePorts.optional, 'optional', []),
      ],
      clusters: [
        {
          name: 'backoffice',
          type: 'STATIC',
          connect_timeout: '1s',
          load_assignment: {
            cluster_name: 'backoffice',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress('127.0.0.1', app) } }] }],
          },
        },
      ],
    },
  };
}

function httpManager(denied: readonly string[]): object {
  const principals = denied.map((exact) => ({ authenticated: { principal_name: { exact } } }));
  const rules = { action: 'DENY', policies: { denied: { permissions: [{ any: true }], principals } } };
  const rbac = typed('rbac', 'filters.http.rbac.v3.RBAC', { rules });
  return typed('http', 'filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'edge',
    use_remote_address: true,
    forward_client_cert_details: 'SANITIZE_SET',
    set_current_client_cert_details: { subject: true, cert: true, dns: true, uri: true },
    route_config: {
      virtual_hosts: [
        { name: 'any', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'backoffice' } }] },
      ],
    },
    http_filters: [...(denied.length === 0 ? [] : [rbac]), typed('router', 'filters.http.router.v3.Router')],
  });
}

function typed(name: string, type: string, fields: object = {}): object {
  return { name, typed_config: { '@type': `type.googleapis.com/envoy.extensions.${type}`, ...fields } };
}

function socketAddress(address: string, port: number): object {
  return { socket_address: { address, port_value: port } };
}
