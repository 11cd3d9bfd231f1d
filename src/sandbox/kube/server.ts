import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redacted } from '../../lib/redacted.ts';
import { yamlText } from '../../lib/yaml.ts';

/** A Kubernetes API on one machine: where it keeps its files, and where it listens. */
export interface KubeServer {
  /** Folder of the programs etcd, kube-apiserver and kube-controller-manager. */
  readonly programs: string;
  /** Folder for data, keys and kubeconfig; owner-only. */
  readonly dir: string;
  /** Address that the API server listens on and gives to others. */
  readonly address: string;
  readonly port: number;
  /** etcd listens on loopback: on this port for clients, on the next one for peers. */
  readonly etcdPort: number;
  /** Without controllers nobody makes default service accounts, so pods may then name any. */
  readonly controllers: boolean;
  /** A file that gets one line of JSON for each request; none by default. */
  readonly auditLog?: string;
  /** Bearer token of `admin`, who may do everything. */
  readonly adminToken: Redacted<string>;
}

/** Addresses of Services; pods reach the API server at the first of them. */
const serviceRange = '10.96.0.0/16';
const issuer = 'https://kubernetes.default.svc';

/** The bearer token of the one administrator. */
export function newAdminToken(): Redacted<string> {
  return new Redacted(randomBytes(16).toString('hex'));
}

/** Names of the files in the folder of a server. */
export const kubeFiles = {
  kubeconfig: 'kubeconfig',
  tokens: 'tokens.csv',
  serviceAccountKey: 'sa.key',
  auditPolicy: 'audit.yaml',
  certificates: 'certs',
} as const;

/** Writes what the three programs read before they start. The API server makes its own certificate in `certs`. */
export async function writeKubeFiles(server: KubeServer): Promise<void> {
  const path = (name: string): string => join(server.dir, name);
  await mkdir(server.dir, { recursive: true, mode: 0o700 });
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const audit = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [{ level: 'Metadata' }],
  };
  const mode = 0o600;
  await Promise.all([
    writeFile(path(kubeFiles.serviceAccountKey), key, { mode }),
    writeFile(path(kubeFiles.tokens), `${server.adminToken.reveal()},admin,admin,"system:masters"\n`, { mode }),
    writeFile(path(kubeFiles.auditPolicy), yamlText(audit), { mode }),
    writeFile(path(kubeFiles.kubeconfig), kubeconfig(server), { mode }),
  ]);
}

/** The admin's kubeconfig. */
function kubeconfig(server: KubeServer): string {
  const cluster = {
    server: `https://${server.address}:${server.port}`,
    'certificate-authority': certificateAuthority(server),
  };
  return yamlText({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'sandbox', cluster }],
    users: [{ name: 'admin', user: { token: server.adminToken.reveal() } }],
    contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user: 'admin' } }],
    'current-context': 'sandbox',
  });
}

/** What clients verify the API server with; there once it has started. */
export function certificateAuthority(server: KubeServer): string {
  return join(server.dir, kubeFiles.certificates, 'apiserver.crt');
}

/** Command line of etcd, on loopback. */
export function etcdCommand({ programs, dir, etcdPort }: KubeServer): readonly string[] {
  const client = `http://127.0.0.1:${etcdPort}`;
  const peer = `http://127.0.0.1:${etcdPort + 1}`;
  return [
    join(programs, 'etcd'),
    ...['--name', 'sandbox', '--data-dir', join(dir, 'etcd')],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `sandbox=${peer}`],
    // The data dies with the sandbox, so nobody needs it to have reached a disk.
    ...['--unsafe-no-fsync', '--log-level', 'error'],
  ];
}

/** Command line of kube-apiserver, in front of that etcd. */
export function apiServerCommand(server: KubeServer): readonly string[] {
  const path = (name: string): string => join(server.dir, name);
  return [
    join(server.programs, 'kube-apiserver'),
    `--etcd-servers=http://127.0.0.1:${server.etcdPort}`,
    `--bind-address=${server.address}`,
    `--advertise-address=${server.address}`,
    `--secure-port=${server.port}`,
    `--cert-dir=${path(kubeFiles.certificates)}`,
    `--token-auth-file=${path(kubeFiles.tokens)}`,
    '--authorization-mode=RBAC',
    `--service-account-issuer=${issuer}`,
    `--service-account-key-file=${path(kubeFiles.serviceAccountKey)}`,
    `--service-account-signing-key-file=${path(kubeFiles.serviceAccountKey)}`,
    `--api-audiences=${issuer}`,
    `--service-cluster-ip-range=${serviceRange}`,
    '--allow-privileged=true',
    ...(server.controllers ? [] : ['--disable-admission-plugins=ServiceAccount']),
    ...(server.auditLog === undefined
      ? []
      : [`--audit-policy-file=${path(kubeFiles.auditPolicy)}`, `--audit-log-path=${server.auditLog}`]),
  ];
}

/** Controllers that act on what a sandbox doesn't have: clouds, disks, metrics, quotas, and nodes that could be lost. */
const leftOut = [
  'node-lifecycle-controller',
  'node-ipam-controller',
  'node-route-controller',
  'service-lb-controller',
  'cloud-node-lifecycle-controller',
  'persistentvolume-attach-detach-controller',
  'persistentvolume-binder-controller',
  'persistentvolume-expander-controller',
  'horizontal-pod-autoscaler-controller',
  'certificatesigningrequest-approving-controller',
  'certificatesigningrequest-cleaner-controller',
  'certificatesigningrequest-signing-controller',
  'clusterrole-aggregation-controller',
  'ephemeral-volume-controller',
  'legacy-serviceaccount-token-cleaner-controller',
  'persistentvolume-protection-controller',
  'persistentvolumeclaim-protection-controller',
  'resourceclaim-controller',
  'resourcequota-controller',
  'service-cidr-controller',
  'validatingadmissionpolicy-status-controller',
  'volumeattributesclass-protection-controller',
];

/** Command line of kube-controller-manager. */
export function controllerManagerCommand(server: KubeServer): readonly string[] {
  const path = (name: string): string => join(server.dir, name);
  return [
    join(server.programs, 'kube-controller-manager'),
    `--kubeconfig=${path(kubeFiles.kubeconfig)}`,
    `--service-account-private-key-file=${path(kubeFiles.serviceAccountKey)}`,
    `--root-ca-file=${certificateAuthority(server)}`,
    '--leader-elect=false',
    // Its own brakes would hold back dozens of controllers that all begin at once.
    ...['--kube-api-qps=500', '--kube-api-burst=1000'],
    '--bind-address=127.0.0.1',
    '--secure-port=0',
    `--controllers=${['*', ...leftOut.map((name) => `-${name}`)].join(',')}`,
  ];
}
