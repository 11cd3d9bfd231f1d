import { Command, Option } from 'commander';
import type { SettingFlags } from '../settings.ts';
import type { CliContext } from './context.ts';

/** `coxswain serve`: runs until Ctrl-C or SIGTERM, then lets go of its streams in order. */
export function serveCommand(context: CliContext): Command {
  const command = new Command('serve')
    .option('--config <dir>', 'directory of YAML, watched (COXSWAIN_CONFIG)')
    .option('--mesh <file>', 'mesh settings, YAML (COXSWAIN_MESH)')
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
      '--admin <host:port>',
      'health, metrics and debug pages; default 127.0.0.1:15014; from other machines only health and metrics answer (COXSWAIN_ADMIN)',
    )
    .option('--trust-domain <domain>', 'trust domain of all identities; default cluster.local (COXSWAIN_TRUST_DOMAIN)')
    .option('--svid-ttl <duration>', 'lifetime of workload certificates; default 24h (COXSWAIN_SVID_TTL)')
    .option('--log-level <level>', 'debug, info, warn, error or silent; default info (COXSWAIN_LOG_LEVEL)');
  return command.action(async (flags: SettingFlags) => {
    const { addressText, readSettings } = await import('../settings.ts');
    const settings = await readSettings(flags, context.env);
    const { startControlPlane } = await import('../runtime.ts');
    await using controlPlane = await startControlPlane(settings);
    const { xds, xdsInsecure, admin, configDir } = settings;
    const places = [
      `xDS on ${addressText({ ...xds, port: controlPlane.xdsPort })}`,
      ...(xdsInsecure === undefined
        ? []
        : [`plaintext xDS on ${addressText({ ...xdsInsecure, port: controlPlane.insecurePort ?? xdsInsecure.port })}`]),
      `admin on ${addressText({ ...admin, port: controlPlane.adminPort })}`,
    ];
    context.stdout(`coxswain serves ${configDir}: ${places.join(', ')}\n`);
    await aborted(context.signal);
    context.stderr('coxswain: stopping\n');
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  // A signal alone doesn't keep a process alive; the servers do, for as long as they listen.
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
