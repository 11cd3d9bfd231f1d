import { Command } from 'commander';
import type { TlsCheck } from '../../explain/tls-check.ts';
import type { TlsRow } from '../../explain/tls-rows.ts';
import { printable } from '../../lib/printable.ts';
import type { CliContext } from '../context.ts';
import { filesOption } from '../files-option.ts';
import { type OutputFormat, outputOption, print } from '../output.ts';
import { table } from '../table.ts';

interface Flags {
  readonly file?: readonly string[];
  readonly mesh?: string;
  readonly admin?: string;
  readonly sandbox?: string;
  readonly output: OutputFormat;
}

/** The same as of `authz explain`: 1 and 2 are errors, as everywhere. */
const conflictCode = 3;

const help = `
STATUS    OK: both sides understand each other. CONFLICT: they don't, and every call fails. UNKNOWN: one side is an application that
          has to speak TLS itself, or nothing of the mesh, or a certificate is checked by files that only the proxy's machine has.
SERVER    what its Envoy takes: mTLS, HTTP (plaintext), HTTP/mTLS (both); of a gateway also TLS (SIMPLE), custom mTLS (MUTUAL).
          A gateway's server is the one for the server name that the client sends.
CLIENT    what its Envoy sends: mTLS, HTTP (plaintext), TLS (SIMPLE), custom mTLS (MUTUAL with a certificate of its own).
HOST:PORT[SUBSET] is a subset of a DestinationRule. Servers of one host that differ have a line each.

Exit codes: 0 no conflict, 3 a conflict, 1 or 2 an error.

Examples:
  coxswain authn tls-check sleep.foo
  coxswain authn tls-check sleep.foo httpbin.bar:8000
  coxswain authn tls-check web.shop api.shop.svc.cluster.local -f mesh/
`;

/** `coxswain authn tls-check`: whether a client's DestinationRules and its servers' policies fit (behaviour.md 8.4). */
export function tlsCheckCommand(context: CliContext): Command {
  return new Command('tls-check')
    .summary('say whether a client and its servers agree on mutual TLS')
    .description(
      'Say for each host that a client calls whether both sides agree on TLS. What their Envoys are sent is compared: by a running control plane, or with -f what files mean.',
    )
    .argument('<pod>', 'the client: POD.NAMESPACE, or the name of its Deployment')
    .argument(
      '[host]',
      'only this HOST or HOST:PORT; also SERVICE.NAMESPACE, or SERVICE in the namespace of the client',
    )
    .addOption(filesOption('files, directories, examples by name, or `-`: offline').conflicts(['admin', 'sandbox']))
    .option('--mesh <file>', 'mesh settings, with -f')
    .option('--admin <host:port>', "the control plane's admin address; default 127.0.0.1:15014 (COXSWAIN_ADMIN)")
    .option('--sandbox <name>', 'ask the control plane of this sandbox')
    .addOption(outputOption('table', 'json', 'yaml'))
    .addHelpText('after', help)
    .action(async (pod: string, host: string | undefined, flags: Flags) => {
      const { checkFiles, checkLive } = await import('./tls-check-source.ts');
      const check = flags.file === undefined ? checkLive : checkFiles;
      const found = await check(flags, { pod, host: host ?? '' }, context);
      await print(context, flags.output, found, () => checkText(found));
      if (found.rows.some(({ status }) => status === 'CONFLICT')) context.exitWith(conflictCode);
    });
}

/** The table that users know; below it, why a line is no OK. */
function checkText({ rows, notes }: TlsCheck): string {
  const lines = table(
    ['HOST:PORT', 'STATUS', 'SERVER', 'CLIENT', 'AUTHN POLICY', 'DESTINATION RULE'],
    rows.map((row) => [placeOf(row), row.status, row.server, row.client, row.authnPolicy, row.destinationRule]),
  );
  const reasons = rows.filter(({ why }) => why !== '').map((row) => `${placeOf(row)}: ${row.why}${atText(row, rows)}`);
  const below = [...reasons, ...notes.map((note) => `note: ${note}`)];
  return below.length === 0 ? lines : `${lines}\n${below.map((each) => `${printable(each)}\n`).join('')}`;
}

const placeOf = ({ host, port, subset }: TlsRow): string => `${host}:${port}${subset === '' ? '' : `[${subset}]`}`;

/** Which servers, where others of the same host differ. */
function atText(row: TlsRow, rows: readonly TlsRow[]): string {
  const alike = rows.filter((each) => placeOf(each) === placeOf(row));
  return alike.length < 2 ? '' : ` (${row.servers.join(', ')})`;
}
