import { chown, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { replaceFile } from '../ca/private-files.ts';
import { MeshError } from '../lib/errors.ts';
import type { Redacted } from '../lib/redacted.ts';
import { type BootstrapOptions, bootstrap } from './bootstrap.ts';
import { rootSecretName, tokenSecretName } from './bootstrap-xds-cluster.ts';

/** Names of the files in a workload's folder. */
export const bootstrapFileNames = {
  bootstrap: 'envoy.json',
  token: 'token',
  tokenSecret: 'token-sds.json',
  root: 'root-cert.pem',
  rootSecret: 'root-sds.json',
} as const;

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface BootstrapFolder {
  readonly directory: string;
  /** Who runs Envoy and so must read the token; without it, who runs this. */
  readonly owner?: Owner;
  readonly options: Omit<BootstrapOptions, 'controlPlane'>;
  readonly controlPlane:
    | {
        readonly transport: 'tls';
        readonly host: string;
        readonly port: number;
        readonly serverName: string;
        /** PEM, one each. */
        readonly roots: readonly string[];
        readonly token: Redacted<string>;
      }
    | { readonly transport: 'plaintext'; readonly host: string; readonly port: number };
}

/**
 * Writes all that an Envoy needs to join into one folder, each file in one step, and gives the path of the bootstrap. The
 * folder and the token are the owner's alone.
 */
export async function writeBootstrap(folder: BootstrapFolder): Promise<string> {
  const directory = resolve(folder.directory);
  const { controlPlane, owner } = folder;
  await makeDirectory(directory, owner);
  const path = (name: string): string => join(directory, name);
  if (controlPlane.transport === 'tls') {
    await replaceFile(path(bootstrapFileNames.root), controlPlane.roots.join(''), { mode: 0o644, owner });
    await refreshToken(directory, controlPlane.token, owner);
    await replaceFile(path(bootstrapFileNames.tokenSecret), json(tokenSecret(path(bootstrapFileNames.token))), {
      mode: 0o644,
      owner,
    });
  }
  const text = json(
    bootstrap({
      ...folder.options,
      controlPlane:
        controlPlane.transport === 'plaintext'
          ? controlPlane
          : {
              transport: 'tls',
              host: controlPlane.host,
              port: controlPlane.port,
              serverName: controlPlane.serverName,
              rootFile: path(bootstrapFileNames.root),
              tokenSecretFile: path(bootstrapFileNames.tokenSecret),
            },
    }),
  );
  await replaceFile(path(bootstrapFileNames.bootstrap), text, { mode: 0o644, owner });
  return path(bootstrapFileNames.bootstrap);
}

/** What an injected pod's Envoy starts from; the cluster itself puts root and token into the pod and renews them. */
export interface PodBootstrap {
  readonly directory: string;
  readonly options: Omit<BootstrapOptions, 'controlPlane'>;
  readonly controlPlane: {
    readonly host: string;
    readonly port: number;
    readonly serverName: string;
    /** PEM of the mesh root. */
    readonly rootFile: string;
    /** The token alone, as the kubelet writes it: the server takes it without a scheme. */
    readonly tokenFile: string;
  };
}

/** The files for {@link PodBootstrap}, name to text. Neither root nor token need exist yet. */
export function podBootstrapFiles({
  directory,
  options,
  controlPlane,
}: PodBootstrap): Readonly<Record<string, string>> {
  const { host, port, serverName, rootFile, tokenFile } = controlPlane;
  const tokenSecretFile = join(resolve(directory), bootstrapFileNames.tokenSecret);
  const rootSecretFile = join(resolve(directory), bootstrapFileNames.rootSecret);
  const whole = bootstrap({
    ...options,
    controlPlane: { transport: 'tls', host, port, serverName, rootFile, rootSecretFile, tokenSecretFile },
  });
  return {
    [bootstrapFileNames.tokenSecret]: json(tokenSecret(tokenFile)),
    [bootstrapFileNames.rootSecret]: json(rootSecret(rootFile)),
    [bootstrapFileNames.bootstrap]: json(whole),
  };
}

/** Writes {@link podBootstrapFiles}, readable by the user that runs Envoy. */
export async function writePodBootstrap(pod: PodBootstrap): Promise<void> {
  const directory = resolve(pod.directory);
  await makeDirectory(directory, undefined);
  for (const [name, text] of Object.entries(podBootstrapFiles(pod)))
    await replaceFile(join(directory, name), text, { mode: 0o644 });
}

/**
 * Puts a new token in place of the old one. By rename, the only way that Envoy notices: the next stream that it opens
 * carries the new token, on the same connection too. The file holds the whole header value, `Bearer <token>`,
 * without a newline: an older Envoy would send it.
 */
export async function refreshToken(directory: string, token: Redacted<string>, owner?: Owner): Promise<void> {
  await replaceFile(join(directory, bootstrapFileNames.token), `Bearer ${token.reveal()}`, { mode: 0o600, owner });
}

/** The file that Envoy watches: a discovery response with one secret, whose value is in the token's file. */
function tokenSecret(tokenFile: string): unknown {
  return {
    resources: [
      {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
        name: tokenSecretName,
        generic_secret: { secret: { filename: tokenFile } },
      },
    ],
  };
}

/** The same for the mesh root. The kubelet swaps a link in the folder of a volume: that, and no file, is what is watched. */
function rootSecret(rootFile: string): unknown {
  return {
    resources: [
      {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
        name: rootSecretName,
        validation_context: {
          trusted_ca: { filename: rootFile },
          watched_directory: { path: dirname(rootFile) },
        },
      },
    ],
  };
}

async function makeDirectory(directory: string, owner: Owner | undefined): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
  } catch (thrown) {
    throw MeshError.from(thrown, 'unavailable');
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
