import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { addEnvoySourceOptions, type EnvoySourceFlags, openEnvoy } from '../envoy-source.ts';
import { type OutputFormat, outputOption, print } from '../output.ts';

interface Flags extends EnvoySourceFlags {
  readonly output: OutputFormat;
}

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
        const first = rows.length === 0 ? 'No AuthorizationPolicy holds here.\n' : table(headers, rows);
        const header = `Checked ${counts.checked}/${counts.listeners} listeners with node IP ${counts.nodeIp}.\n`;
        const second = table(
          ['LISTENER[FilterChain]', 'CERTIFICATE', 'mTLS (MODE)', 'AuthZ (RULES)'],
          chains.map(({ chain, certificate, mtls, mode, rules }) => [
            chain,
            certificate,
            `${mtls ? 'yes' : 'no'} (${mode})`,
            rulesText(rules),
          ]),
        );
        return `${first}\n${header}${second}`;
      });
    });
}
