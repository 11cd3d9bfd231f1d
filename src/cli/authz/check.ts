import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { addEnvoySourceOptions, type EnvoySourceFlags, openEnvoy } from '../envoy-source.ts';
import { type OutputFormat, outputOption, print } from '../output.ts';

interface Flags extends EnvoySourceFlags {
  readonly output: OutputFormat;
}

/** Either Envoy still waits for filters, and requests fail, or a dump was cut: that no policy holds would be a guess. */
const incomplete =
  'Not all filters that hold policies are there: requests fail without them, or this dump is not whole.\n';

/** `coxswain authz check`: which policies an Envoy holds, and what each of its filter chains does (behaviour.md 8.3). */
export function checkCommand(context: CliContext): Command {
  const command = new Command('check')
    .summary('show which policies an Envoy holds, and where')
    .description('Show which AuthorizationPolicies an Envoy holds, and the security of each of its filter chains.')
    .argument('[pod]', 'POD.NAMESPACE in a sandbox');
  addEnvoySourceOptions(command);
  return command
    .addOption(outputOption('table', 'json', 'yaml'))
    .action(async (pod: string | undefined, flags: Flags) => {
      const [{ checkDump, rulesText }, { heldPolicies, policyView }, { table }] = await Promise.all([
        import('./check-listeners.ts'),
        import('./check-policies.ts'),
        import('../table.ts'),
      ]);
      const { chains, ...counts } = checkDump(await openEnvoy(pod, flags, context).configDump());
      const policies = heldPolicies(chains.flatMap(({ rules }) => rules));
      await print(context, flags.output, { policies, ...counts, chains }, () => {
        const { headers, rows } = policyView(policies);
        const known = chains.every(({ missing }) => missing.length === 0);
        const none = known ? 'No AuthorizationPolicy holds here.\n' : '';
        const first = `${known ? '' : incomplete}${rows.length === 0 ? none : table(headers, rows)}`;
        const header = `Checked ${counts.checked}/${counts.listeners} listeners with node IP ${counts.nodeIp}.\n`;
        const second = table(
          ['LISTENER[FilterChain]', 'CERTIFICATE', 'mTLS (MODE)', 'AuthZ (RULES)'],
          chains.map(({ chain, certificate, mtls, mode, ...held }) => [
            chain,
            certificate,
            `${mtls ? 'yes' : 'no'} (${mode})`,
            rulesText(held),
          ]),
        );
        return `${first}\n${header}${second}`;
      });
    });
}
