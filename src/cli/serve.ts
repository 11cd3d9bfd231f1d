import { Command, Option } from 'commander';
import type { SettingFlags } from '../settings.ts';
import type { CliContext } from './context.ts';

/** `coxswain serve`: runs until Ctrl-C or SIGTERM, then lets go of its streams in order. */
export function serveCommand(context: CliContext): Command {
  const command = new Command('serve')
    .option('--config <dir>', 'directory of YAML, watched (COXSWAIN_CONFIG)')
    .option(
      '--kubeconfig <file>',
      'the cluster to watch; in a pod, with neither --config nor this, its own (COXSWAIN_KUBECONFIG)',
    )
    .option('--context <name>', 'a context of that file; its current one by default (COXSWAIN_CONTEXT)')
    .option(
      '--namespace <name>',
      'on Kubernetes: where CA, lease and mesh settings live; default istio-system (COXSWAIN_NAMESPACE, POD_NAMESPACE)',
    )
    .option(
      '--mesh <file>',
      'mesh settings, YAML; on Kubernetes instead of ConfigMap "istio", key "mesh" (COXSWAIN_MESH)',
    )
    .option('--webhook <host:port>', 'on Kubernetes: injection and validation; default :15017 (COXSWAIN_WEBHOOK)')
    .option('--image <image>', 'on Kubernetes: image of the init container that injection adds (COXSWAIN_IMAGE)')
    .option('--proxy-image <image>', 'on Kubernetes: image of Envoy in injected pods (COXSWAIN_PROXY_IMAGE)')
    .option('--state <dir>', 'where the CA key lives, owner-only; default ~/.local/state/coxswain (COXSWAIN_STATE)')
    .option('--xds <host:port>', 'xDS over TLS; default :15012 (COXSWAIN_XDS)')
    .addOption(
      new Option(
        '--xds-name <name...>',
        'further names or addresses in the certificate of the xDS port (COXSWAIN_XDS_NAME, comma-separated)',
      ),
    )
    .option(
      '--xds-insecure <host:port>',
      'also serve xDS in plaintext, on a loopback address only: it believes what a node claims, and gives no keys (COXSWAIN_XDS_INSECURE)',
    )
    .option(
      '--xds-max-age <duration>',
      'when a proxy is asked to connect anew, so that new replicas get their share; default 30m, 0s: never (COXSWAIN_XDS_MAX_AGE)',
    )
    .option('--xds-max-proxies <n>', 'how many proxies one replica takes; default 5000 (COXSWAIN_XDS_MAX_PROXIES)')
    .option(
      '--admin <host:port>',
      'health, metrics and debug pages; default 127.0.0.1:15014; from other machines only health and metrics answer (COXSWAIN_ADMIN)',
    )
    .option(
      '--jwks-ca <file>',
      'PEM of further roots that servers of token keys (jwksUri) may be known to (COXSWAIN_JWKS_CA)',
    )
    .addOption(
      new Option(
        '--jwks-allow <range...>',
        'addresses that token keys may be fetched from though they are loopback, link-local or the like (COXSWAIN_JWKS_ALLOW, comma-separated)',
      ),
    )
    .option('--trust-domain <domain>', 'trust domain of all identities; default cluster.local (COXSWAIN_TRUST_DOMAIN)')
    .option('--svid-ttl <duration>', 'lifetime of workload certificates; default 24h (COXSWAIN_SVID_TTL)')
    .option('--log-level <level>', 'debug, info, warn, error or silent; default info (COXSWAIN_LOG_LEVEL)');
  return command.action(async (flags: SettingFlags) => {
    const { addressText, readSettings } = await import('../settings.ts');
    const settings = await readSettings(flags, context.env);
    const { startControlPlane } = await import('../runtime.ts');
    await using controlPlane = await startControlPlane(settings);
    const { xds, xdsInsecure, admin } = settings;
    const places = [
      `xDS on ${addressText({ ...xds, port: controlPlane.xdsPort })}`,
      ...(xdsInsecure === undefined
        ? []
        : [`plaintext xDS on ${addressText({ ...xdsInsecure, port: controlPlane.insecurePort ?? xdsInsecure.port })}`]),
      `admin on ${addressText({ ...admin, port: controlPlane.adminPort })}`,
    ];
    context.stdout(`coxswain serves ${controlPlane.source}: ${places.join(', ')}\n`);
    await aborted(context.signal);
    context.stderr('coxswain: stopping\n');
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  // A signal alone doesn't keep a process alive; the servers do, for as long as they listen.
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
