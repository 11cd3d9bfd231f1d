import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Redacted } from '../lib/redacted.ts';
import { controlPlaneHost } from '../model/cluster-names.ts';
import { controlPlanePorts } from '../model/control-plane-ports.ts';
import { trustDomain } from '../model/ids.ts';
import { gatewayAddress } from './addressing.ts';
import type { Owner } from './enter.ts';
import { proxyGid, proxyUid } from './envoy-users.ts';
import type { PodPlan } from './pod-plan.ts';
import { podKey } from './pod-runtime.ts';
import type { SupervisorSettings } from './protocol.ts';

/** Life of a sidecar's join token; a new one takes its place at half of it. */
const tokenTtlMs = 24 * 3_600_000;

/**
 * Writes what each pod's Envoy starts from: the bootstrap that `coxswain bootstrap` writes, with a join token made with
 * the control plane's own key. Stands in for the kubelet, which hands a service account token to every pod.
 */
export class Sidecars {
  readonly #settings: SupervisorSettings;
  readonly #stateDir: string;
  readonly #clock: Clock;
  #modules: ReturnType<typeof loadModules> | undefined;
  #identity: Promise<Identity> | undefined;

  constructor(settings: SupervisorSettings, stateDir: string, clock: Clock) {
    this.#settings = settings;
    this.#stateDir = stateDir;
    this.#clock = clock;
  }

  /** Loads what {@link prepare} needs, while other things start. */
  async preload(): Promise<void> {
    this.#modules ??= loadModules();
    await this.#modules;
  }

  /** Writes the files of one pod's Envoy into `dir`, and gives the path of its configuration. The control plane must run. */
  async prepare(pod: PodPlan, dir: string): Promise<string> {
    const owner = { uid: this.#settings.envoyUids[podKey(pod)] ?? proxyUid, gid: proxyGid };
    const given = this.#settings.envoyConfigs[podKey(pod)];
    if (given !== undefined) {
      const file = join(dir, 'envoy.json');
      await writeFile(file, given, { mode: 0o600 });
      await chown(file, owner.uid, owner.gid);
      return file;
    }
    return await this.#writeBootstrap(pod, join(dir, 'sidecar'), owner);
  }

  async #writeBootstrap(pod: PodPlan, directory: string, owner: Owner): Promise<string> {
    this.#modules ??= loadModules();
    const { writeBootstrap } = await this.#modules;
    const { dnsDomain, rootNamespace } = this.#settings.mesh;
    const { roots } = await this.#identities();
    const labels = pod.proxy === 'sidecar' ? { ...pod.labels, 'security.istio.io/tlsMode': 'istio' } : pod.labels;
    const { name, namespace, serviceAccount, proxy: kind } = pod;
    const file = await writeBootstrap({
      directory,
      owner,
      options: {
        workload: {
          kind,
          name,
          namespace,
          serviceAccount,
          labels,
          addresses: [pod.ip],
          clusterId: 'Kubernetes',
          dnsDomain,
        },
        xds: 'delta',
        stats: 'full',
      },
      controlPlane: {
        transport: 'tls',
        host: gatewayAddress,
        port: controlPlanePorts.xds,
        serverName: controlPlaneHost(rootNamespace),
        roots,
        token: await this.#token(pod),
      },
    });
    this.#renewToken(pod, directory, owner);
    return file;
  }

  async #token(pod: PodPlan): Promise<Redacted<string>> {
    return (await this.#identities()).issue(pod);
  }

  #renewToken(pod: PodPlan, directory: string, owner: Owner): void {
    this.#clock.after(tokenTtlMs / 2, () => void this.#replaceToken(pod, directory, owner));
  }

  async #replaceToken(pod: PodPlan, directory: string, owner: Owner): Promise<void> {
    this.#modules ??= loadModules();
    const { refreshToken } = await this.#modules;
    await refreshToken(directory, await this.#token(pod), owner);
    this.#renewToken(pod, directory, owner);
  }

  #identities(): Promise<Identity> {
    this.#identity ??= this.#openIdentity();
    return this.#identity;
  }

  async #openIdentity(): Promise<Identity> {
    this.#modules ??= loadModules();
    const { openAuthority, openJoinKeys, issueJoinToken } = await this.#modules;
    const domain = trustDomain(this.#settings.mesh.trustDomain);
    const authority = await openAuthority(this.#stateDir, { trustDomain: domain, clock: this.#clock });
    const keys = await openJoinKeys(this.#stateDir);
    return {
      roots: authority.roots,
      issue: (pod) =>
        issueJoinToken(
          keys,
          {
            identity: { trustDomain: domain, namespace: pod.namespace, serviceAccount: pod.serviceAccount },
            pod: pod.name,
            ttlMs: tokenTtlMs,
          },
          this.#clock,
        ),
    };
  }
}

interface Identity {
  readonly roots: readonly string[];
  issue(pod: PodPlan): Promise<Redacted<string>>;
}

/** Certificates and tokens take a while to load, which a pod without a sidecar should not wait for. */
async function loadModules() {
  const [{ writeBootstrap, refreshToken }, { openAuthority }, { openJoinKeys }, { issueJoinToken }] = await Promise.all(
    [
      import('../agent/bootstrap-files.ts'),
      import('../ca/open-authority.ts'),
      import('../ca/join-keys.ts'),
      import('../ca/join-token.ts'),
    ],
  );
  return { writeBootstrap, refreshToken, openAuthority, openJoinKeys, issueJoinToken };
}
