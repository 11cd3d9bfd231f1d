import { Command } from 'commander';
import type { ShadowReport } from '../../admin/shadow-report.ts';
import { MeshError } from '../../lib/errors.ts';
import { isRecord } from '../../lib/is-record.ts';
import type { CliContext } from '../context.ts';
import { controlPlanePages } from '../control-plane-pages.ts';
import { getJson, type PageSource } from '../http.ts';
import { type OutputFormat, outputOption, yamlText } from '../output.ts';

interface Flags {
  readonly admin?: readonly string[];
  readonly sandbox?: string;
  readonly workload?: string;
  readonly failIfDenied?: boolean;
  readonly output: OutputFormat;
}

/** `coxswain authz shadow`: what dry runs would do with the requests that were seen. Exit code 1 with `--fail-if-denied`, if any would newly be denied. */
export function shadowCommand(context: CliContext): Command {
  return new Command('shadow')
    .summary('show whom dry-run policies would deny or allow')
    .description('Show whom AuthorizationPolicies that are dry runs would deny or allow, by what sidecars saw.')
    .argument('[policy]', 'POLICY or POLICY.NAMESPACE; without it, every dry run and every AUDIT')
    .option(
      '--admin <host:port>',
      "a replica's admin address, once for each replica; default 127.0.0.1:15014 (COXSWAIN_ADMIN)",
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option('--sandbox <name>', 'ask the control plane of this sandbox')
    .option('-w, --workload <workload>', 'only requests to WORKLOAD or WORKLOAD.NAMESPACE')
    .option('--fail-if-denied', 'exit with 1 if these policies would deny a request that is allowed now')
    .addOption(outputOption('table', 'json', 'yaml'))
    .action(async (policy: string | undefined, flags: Flags) => {
      const query = new URLSearchParams({ policy: policy ?? '', workload: flags.workload ?? '' });
      const sources = await sourcesOf(flags, context);
      const reports = await Promise.all(
        sources.map(async (source) =>
          reportsOf(await getJson(source, `/debug/shadow?${query}`, context.signal), source),
        ),
      );
      const [{ mergeReports }, views] = await Promise.all([import('./shadow-merge.ts'), import('./shadow-view.ts')]);
      const merged = mergeReports(reports.flat());
      switch (flags.output) {
        case 'table':
          context.stdout(views.shadowText(merged, policy ?? '', context.now()));
          break;
        case 'json':
          for (const line of views.shadowLines(merged)) context.stdout(`${JSON.stringify(line)}\n`);
          break;
        case 'yaml':
          context.stdout(await yamlText(merged));
          break;
      }
      const missing = policy !== undefined && merged.policies.length === 0;
      const denied = merged.policies.some(
        ({ state, counts }) =>
          state === 'dry-run' &&
          counts.some(({ now, would, part }) => now === 'allowed' && would === 'denied' && part !== 'other'),
      );
      if (missing || (flags.failIfDenied === true && denied)) context.exitWith(1);
    });
}

async function sourcesOf({ admin, sandbox }: Flags, context: CliContext): Promise<readonly PageSource[]> {
  const where = sandbox === undefined ? {} : { sandbox };
  if (sandbox !== undefined || admin === undefined) return [await controlPlanePages(where, context)];
  return await Promise.all(admin.map((each) => controlPlanePages({ admin: each }, context)));
}

/** The page is our own; a server of another version, or none of ours, must still not end in nonsense. */
function reportsOf(page: unknown, { name }: PageSource): readonly ShadowReport[] {
  if (Array.isArray(page) && page.every(isReport)) return page;
  throw new MeshError('unavailable', `${name} answered with something else than a report of dry runs`);
}

function isReport(page: unknown): page is ShadowReport {
  return isRecord(page) && Array.isArray(page['policies']) && typeof page['since'] === 'string';
}
