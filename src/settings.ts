import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { readMeshFile } from './config/mesh-file.ts';
import { MeshError } from './lib/errors.ts';
import { parseIpRange } from './lib/ip.ts';
import type { LogLevel } from './lib/log.ts';
import { controlPlanePorts } from './model/control-plane-ports.ts';
import type { Finding } from './model/finding.ts';
import { trustDomain } from './model/ids.ts';
import type { IpBlock } from './model/ip-block.ts';
import { defaultMesh, type Mesh } from './model/mesh.ts';
import { originText } from './model/object.ts';

/** Where a server listens. */
export interface ListenAddress {
  /** An IP address or host name; `0.0.0.0` for "every address". */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Where configuration comes from, and what else is there to ask. */
export type Platform =
  | { readonly kind: 'directory'; readonly directory: string }
  | {
      readonly kind: 'kubernetes';
      /** `undefined`: the service account of the pod that this runs in. */
      readonly kubeconfig: string | undefined;
      readonly context: string | undefined;
      /** Where the control plane lives: its CA, its lease, and the mesh settings. */
      readonly namespace: string;
      readonly replica: Replica;
      readonly webhook: ListenAddress;
      /** What injected pods run; `undefined` for what belongs to this version. */
      readonly images: { readonly init: string | undefined; readonly proxy: string | undefined };
    };

export type KubernetesPlatform = Extract<Platform, { readonly kind: 'kubernetes' }>;

/** Which of several equal control planes this one is. */
export interface Replica {
  readonly name: string;
  /** Of its pod; owns what the replica writes about itself. `undefined` outside of a pod. */
  readonly podUid: string | undefined;
}

/** Everything that decides how a control plane runs. Frozen: read once, at start; only mesh settings are read again. */
export interface Settings {
  readonly platform: Platform;
  readonly meshFile: string | undefined;
  readonly mesh: Mesh;
  /** Warnings about the mesh file. */
  readonly meshFindings: readonly Finding[];
  /** Holds the CA key and the join-token key; created with owner-only rights. */
  readonly stateDir: string;
  readonly xds: ListenAddress;
  /** Names and addresses that the certificate of the xDS port must hold, besides what is always there. */
  readonly xdsNames: readonly string[];
  /** Plaintext xDS: off unless asked for, and then on a loopback address only. */
  readonly xdsInsecure: ListenAddress | undefined;
  readonly admin: ListenAddress;
  readonly logLevel: LogLevel;
  readonly svidTtlMs: number;
  /** Age at which a connection of the xDS port is told to come again elsewhere; 0: never. */
  readonly xdsMaxAgeMs: number;
  /** How many proxies one replica takes. */
  readonly xdsMaxProxies: number;
  readonly jwks: KeyFetchSettings;
}

/** Where keys of token issuers may be fetched, and from whom. */
export interface KeyFetchSettings {
  /** PEM of further roots, beside those of the system; `undefined` for none. */
  readonly caFile: string | undefined;
  /** Places that are open though they would be closed by their kind. */
  readonly allow: readonly IpBlock[];
}

/** Flags of `serve` as the command line gives them: text, unchecked. Each has an environment variable COXSWAIN_<FLAG>. */
export interface SettingFlags {
  readonly config?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly webhook?: string;
  readonly image?: string;
  readonly proxyImage?: string;
  readonly mesh?: string;
  readonly state?: string;
  readonly xds?: string;
  readonly xdsName?: readonly string[];
  readonly xdsInsecure?: string;
  readonly admin?: string;
  readonly logLevel?: string;
  readonly trustDomain?: string;
  readonly svidTtl?: string;
  readonly xdsMaxAge?: string;
  readonly xdsMaxProxies?: string;
  readonly jwksCa?: string;
  readonly jwksAllow?: readonly string[];
}

type Env = Readonly<Record<string, string | undefined>>;

const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

/** Flags, then environment, then defaults; the mesh file on top of the built-in mesh. Throws MeshError `bad-argument`. */
export async function readSettings(flags: SettingFlags, env: Env): Promise<Settings> {
  const value = (flag: keyof SettingFlags): string | undefined => {
    const given = flags[flag];
    return (typeof given === 'string' ? given : undefined) ?? env[envName(flag)];
  };
  const platform = readPlatform(value, env);
  const meshFile = value('mesh');
  const file = await readMesh(meshFile);
  const insecure = value('xdsInsecure');
  const jwksCa = value('jwksCa');
  return deepFreeze({
    platform,
    meshFile: meshFile === undefined ? undefined : resolve(meshFile),
    mesh: withTrustDomain(file.mesh, value('trustDomain')),
    meshFindings: file.findings,
    stateDir: resolve(value('state') ?? defaultStateDir(env)),
    xds: parseAddress('--xds', value('xds') ?? `:${controlPlanePorts.xds}`),
    xdsNames: flags.xdsName ?? list(env[envName('xdsName')]),
    xdsInsecure:
      insecure === undefined
        ? undefined
        : parseLoopback(
            '--xds-insecure',
            insecure,
            'it serves configuration without TLS and believes what a node claims',
          ),
    admin: parseAddress('--admin', value('admin') ?? `127.0.0.1:${controlPlanePorts.monitoring}`),
    logLevel: parseLogLevel(value('logLevel') ?? 'info'),
    svidTtlMs: parseDuration('--svid-ttl', value('svidTtl') ?? '24h', 60_000),
    xdsMaxAgeMs: parseDuration('--xds-max-age', value('xdsMaxAge') ?? '30m'),
    xdsMaxProxies: parseCount('--xds-max-proxies', value('xdsMaxProxies') ?? '5000'),
    jwks: {
      caFile: jwksCa === undefined ? undefined : resolve(jwksCa),
      allow: parseRanges('--jwks-allow', flags.jwksAllow ?? list(env[envName('jwksAllow')])),
    },
  });
}

/** The words of a comma-separated variable. */
function list(text: string | undefined): readonly string[] {
  return text?.split(',').filter((word) => word !== '') ?? [];
}

function parseRanges(flag: string, texts: readonly string[]): readonly IpBlock[] {
  return texts.map((text) => {
    const range = parseIpRange(text.trim());
    if (range !== undefined) return range;
    throw new MeshError('bad-argument', `${flag}: ${JSON.stringify(text)} is no range of addresses`, {
      hint: 'write 10.0.0.0/8, fd00::/8, or one address',
    });
  });
}

/** One place only: a directory, a cluster named by a file, or the cluster around us. */
function readPlatform(value: (flag: keyof SettingFlags) => string | undefined, env: Env): Platform {
  const directory = value('config') ?? '';
  const kubeconfig = value('kubeconfig') ?? '';
  if (directory !== '' && kubeconfig !== '') {
    throw new MeshError('bad-argument', '--config and --kubeconfig are two sources of configuration', {
      hint: 'keep one of them',
    });
  }
  if (directory !== '') return { kind: 'directory', directory: resolve(directory) };
  if (kubeconfig === '' && (env['KUBERNETES_SERVICE_HOST'] ?? '') === '') {
    throw new MeshError('bad-argument', 'no configuration given', {
      hint: 'name a directory (--config DIR, or COXSWAIN_CONFIG) or a cluster (--kubeconfig FILE); in a pod of a cluster neither is needed',
    });
  }
  return {
    kind: 'kubernetes',
    kubeconfig: kubeconfig === '' ? undefined : resolve(kubeconfig),
    context: value('context'),
    namespace: value('namespace') ?? env['POD_NAMESPACE'] ?? defaultMesh.rootNamespace,
    replica: { name: env['POD_NAME'] ?? `${hostname()}-${process.pid}`.toLowerCase(), podUid: env['POD_UID'] },
    webhook: parseAddress('--webhook', value('webhook') ?? `:${controlPlanePorts.webhook}`),
    images: { init: value('image'), proxy: value('proxyImage') },
  };
}

/** Mesh settings of a file, the built-in ones without a file. Throws MeshError with every error of the file. */
export async function readMesh(
  path: string | undefined,
): Promise<{ readonly mesh: Mesh; readonly findings: readonly Finding[] }> {
  if (path === undefined) return { mesh: defaultMesh, findings: [] };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    throw new MeshError('not-found', `can't read the mesh file: ${MeshError.from(thrown).message}`, { cause: thrown });
  }
  const file = readMeshFile(path, text);
  const errors = file.findings.filter((finding) => finding.severity === 'error');
  if (errors.length === 0) return file;
  const lines = errors.map(({ origin, field, message, hint }) => {
    return `${originText(origin)}: ${field === '' ? '' : `${field}: `}${message}${hint === '' ? '' : ` (hint: ${hint})`}`;
  });
  throw new MeshError('bad-argument', `the mesh file can't be used:\n  ${lines.join('\n  ')}`);
}

/** `xdsInsecure` → `COXSWAIN_XDS_INSECURE`. */
export function envName(flag: string): string {
  return `COXSWAIN_${flag.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** Where state lives unless told otherwise: outside any project folder, so that a CA key is never committed. */
export function defaultStateDir(env: Env): string {
  const given = env[envName('state')] ?? '';
  if (given !== '') return given;
  const base = env['XDG_STATE_HOME'] ?? '';
  return join(base === '' ? join(homedir(), '.local', 'state') : base, 'coxswain');
}

/** `HOST:PORT`, `:PORT` (every address) or `[IPv6]:PORT`. */
export function parseAddress(flag: string, text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2] ?? '';
  if (match === null || port > 65_535 || (match[1] !== undefined && isIP(match[1]) !== 6)) {
    throw new MeshError('bad-argument', `${flag}: ${JSON.stringify(text)} is no address`, {
      hint: 'write HOST:PORT, :PORT or [IPv6]:PORT',
    });
  }
  return { host: host === '' ? '0.0.0.0' : host, port };
}

/** `HOST:PORT`, in brackets where it must be. */
export function addressText(address: ListenAddress): string {
  return `${isIP(address.host) === 6 ? `[${address.host}]` : address.host}:${address.port}`;
}

/**
 * Is this an address that only this machine can reach? Only literal addresses count: a name may resolve to anything, also
 * `localhost`.
 */
export function isLoopback(host: string): boolean {
  return host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function parseLoopback(flag: string, text: string, why: string): ListenAddress {
  const address = parseAddress(flag, text);
  if (!isLoopback(address.host)) {
    throw new MeshError('bad-argument', `${flag}: ${address.host} is not a loopback address`, {
      hint: `${why}; use 127.0.0.1:${address.port}`,
    });
  }
  return address;
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `24h`, `7d`, in ms; at least `minimumMs`. */
export function parseDuration(flag: string, text: string, minimumMs = 0): number {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  const ms = Number(match?.[1]) * (unitMs[match?.[2] ?? ''] ?? Number.NaN);
  if (!Number.isSafeInteger(ms)) {
    throw new MeshError('bad-argument', `${flag}: ${JSON.stringify(text)} is no duration`, {
      hint: 'write a number and a unit: 90s, 15m, 24h, 7d',
    });
  }
  if (ms < minimumMs)
    throw new MeshError('bad-argument', `${flag}: ${text} is too short`, { hint: `at least ${minimumMs / 1_000}s` });
  return ms;
}

function parseCount(flag: string, text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new MeshError('bad-argument', `${flag}: ${JSON.stringify(text)} is no number`, { hint: 'write 1 or more' });
}

function parseLogLevel(text: string): LogLevel {
  const level = logLevels.find((each) => each === text);
  if (level === undefined) {
    throw new MeshError('bad-argument', `--log-level: no such level: ${JSON.stringify(text)}`, {
      hint: `one of ${logLevels.join(', ')}`,
    });
  }
  return level;
}

/** SPIFFE-ID section 2.1: at most 255 characters of this set. */
function isTrustDomain(value: string): boolean {
  return value.length <= 255 && /^[a-z0-9._-]+$/.test(value);
}

/** The mesh with the trust domain of a flag; an error if a mesh file says otherwise. */
export function withTrustDomain(mesh: Mesh, flag: string | undefined): Mesh {
  if (flag === undefined) return mesh;
  if (!isTrustDomain(flag)) {
    throw new MeshError('bad-argument', `--trust-domain: ${JSON.stringify(flag)} can't be used`, {
      hint: 'want lower-case letters, digits, dots, dashes and underscores (SPIFFE-ID section 2.1)',
    });
  }
  if (mesh.trustDomain !== defaultMesh.trustDomain && mesh.trustDomain !== flag) {
    throw new MeshError('bad-argument', `--trust-domain says ${flag}, the mesh file says ${mesh.trustDomain}`, {
      hint: 'keep one of them',
    });
  }
  return { ...mesh, trustDomain: trustDomain(flag) };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
