import { Command, Option } from 'commander';
import { redactSecrets } from '../admin/redact.ts';
import type { CliContext } from './context.ts';
import type { EnvoySourceFlags } from './envoy-source.ts';
import { addEnvoySourceOptions, type EnvoyPages, openEnvoy } from './envoy-source.ts';
import { jsonText, yamlText } from './output.ts';

/** Flags of every subcommand; each takes the filters that mean something for it. */
interface Flags extends EnvoySourceFlags {
  readonly output: 'short' | 'table' | 'json' | 'yaml';
  readonly port?: string;
  readonly name?: string;
  readonly direction?: string;
  readonly subset?: string;
  readonly verbose?: string;
}

/** What a subcommand shows: data for `-o json|yaml`, text for people. */
interface Shown {
  readonly data: unknown;
  readonly text: () => string | Promise<string>;
}

interface Part {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly filters: readonly (keyof typeof filterOptions)[];
  readonly show: (envoy: EnvoyPages, flags: Flags, context: CliContext) => Promise<Shown>;
}

const filterOptions = {
  port: () => new Option('--port <port>', 'only this port'),
  name: () =>
    new Option(
      '--name <name>',
      'only this name (of a listener, route or cluster; for clusters and endpoints also a service host)',
    ),
  direction: () => new Option('--direction <direction>', 'only this direction').choices(['inbound', 'outbound']),
  subset: () => new Option('--subset <subset>', 'only this subset'),
  verbose: () =>
    new Option('--verbose [boolean]', 'one row for each filter chain; false: one for each listener').default('true'),
} as const;

const parts: readonly Part[] = [
  {
    name: 'listener',
    aliases: ['listeners', 'l'],
    summary: 'listeners and their filter chains',
    filters: ['port', 'name', 'direction', 'verbose'],
    show: async (envoy, flags) => {
      const [{ listenersOf }, { filterListeners, listenerView, shortListenerView }] = await Promise.all([
        import('./envoy/config-dump.ts'),
        import('./envoy/listener.ts'),
      ]);
      const listeners = filterListeners(listenersOf(await envoy.configDump()), flags);
      return {
        data: listeners,
        text: () => tableOf(flags.verbose === 'false' ? shortListenerView(listeners) : listenerView(listeners)),
      };
    },
  },
  {
    name: 'route',
    aliases: ['routes', 'r'],
    summary: 'routes by virtual host',
    filters: ['port', 'name'],
    show: async (envoy, flags) => {
      const [{ routesOf }, { filterRoutes, routeView }] = await Promise.all([
        import('./envoy/config-dump.ts'),
        import('./envoy/route.ts'),
      ]);
      const routes = filterRoutes(routesOf(await envoy.configDump()), flags);
      return { data: routes, text: () => tableOf(routeView(routes)) };
    },
  },
  {
    name: 'cluster',
    aliases: ['clusters', 'c'],
    summary: 'clusters',
    filters: ['port', 'name', 'direction', 'subset'],
    show: async (envoy, flags) => {
      const [{ clustersOf }, { clusterView, filterClusters }] = await Promise.all([
        import('./envoy/config-dump.ts'),
        import('./envoy/cluster.ts'),
      ]);
      const clusters = filterClusters(clustersOf(await envoy.configDump()), flags);
      return { data: clusters, text: () => tableOf(clusterView(clusters)) };
    },
  },
  {
    name: 'endpoint',
    aliases: ['endpoints', 'ep'],
    summary: 'endpoints of clusters and their health',
    filters: ['port', 'name'],
    show: showEndpoints,
  },
  {
    name: 'secret',
    aliases: ['secrets', 's'],
    summary: 'certificates and roots; -o table says whom they name and who signed them; private keys are never shown',
    filters: [],
    show: async (envoy, flags, context) => {
      const { decodedSecrets, secretView, wideSecretView } = await import('./envoy/secret.ts');
      const dump = await envoy.configDump();
      const view = flags.output === 'table' ? wideSecretView : secretView;
      return {
        data: decodedSecrets(dump, context.now()),
        text: () => {
          const { headers, rows } = view(dump, context.now());
          return rows.length === 0 ? 'No active or warming secrets found.\n' : tableOf({ headers, rows });
        },
      };
    },
  },
  {
    name: 'ecds',
    aliases: ['extension'],
    summary: 'filters that came by extension config discovery',
    filters: [],
    show: async (envoy) => {
      const [{ extensionsOf }, { extensionView }] = await Promise.all([
        import('./envoy/config-dump.ts'),
        import('./envoy/extension.ts'),
      ]);
      const extensions = extensionsOf(await envoy.configDump());
      return { data: extensions, text: () => tableOf(extensionView(extensions)) };
    },
  },
  {
    name: 'bootstrap',
    aliases: ['b'],
    summary: 'the configuration that Envoy started with',
    filters: [],
    show: async (envoy) => {
      const { section } = await import('./envoy/config-dump.ts');
      const data = section(await envoy.configDump(), 'BootstrapConfigDump');
      return { data, text: () => dataText('json', data) };
    },
  },
  {
    name: 'all',
    aliases: ['a'],
    summary: 'everything; with -o json or yaml, the whole dump',
    filters: [],
    show: async (envoy, flags, context) => {
      const data = await envoy.configDump();
      const sections = ['bootstrap', 'cluster', 'listener', 'route', 'ecds', 'secret', 'endpoint'];
      return {
        data,
        text: async () => {
          const texts = sections.map(async (name) => {
            const part = parts.find((each) => each.name === name);
            const shown = await part?.show({ ...envoy, configDump: () => Promise.resolve(data) }, flags, context);
            return `${name === 'endpoint' ? 'ENDPOINTS' : name.toUpperCase()}\n${(await shown?.text()) ?? ''}`;
          });
          return (await Promise.all(texts)).join('\n');
        },
      };
    },
  },
];

/** `coxswain proxy-config`: what an Envoy holds, with the columns that users of `istioctl` know (behaviour.md 8.2). */
export function proxyConfigCommand(context: CliContext): Command {
  const command = new Command('proxy-config').usage('<part> [POD.NAMESPACE] [options]');
  for (const part of parts) {
    const sub = new Command(part.name)
      .aliases([...part.aliases])
      .description(part.summary)
      .argument('[pod]', 'POD.NAMESPACE in a sandbox');
    addEnvoySourceOptions(sub);
    for (const filter of part.filters) sub.addOption(filterOptions[filter]());
    sub.addOption(
      new Option('-o, --output <format>', 'how to print').choices(['short', 'table', 'json', 'yaml']).default('short'),
    );
    sub.action(async (pod: string | undefined, flags: Flags) => {
      const shown = await part.show(openEnvoy(pod, flags, context), flags, context);
      const human = flags.output === 'short' || flags.output === 'table';
      context.stdout(human ? await shown.text() : await dataText(flags.output, shown.data));
    });
    command.addCommand(sub);
  }
  return command;
}

/** `/clusters` knows more than a dump; a saved file may be either. */
async function showEndpoints(envoy: EnvoyPages, flags: Flags): Promise<Shown> {
  const [{ endpointsOf }, { at }, views] = await Promise.all([
    import('./envoy/config-dump.ts'),
    import('./envoy/json.ts'),
    import('./envoy/endpoint.ts'),
  ]);
  const clusters = await envoy.clusters();
  const isDump = at(clusters, 'cluster_statuses') === undefined;
  const rows = isDump ? views.endpointsFromDump(endpointsOf(clusters)) : views.endpointsFromClusters(clusters);
  const shown = views.filterEndpoints(rows, flags);
  return { data: shown, text: () => tableOf(views.endpointView(shown)) };
}

async function tableOf(view: {
  readonly headers: readonly string[];
  readonly rows: readonly (readonly string[])[];
}): Promise<string> {
  const { table } = await import('./table.ts');
  return table(view.headers, view.rows);
}

async function dataText(format: 'json' | 'yaml' | 'short' | 'table', data: unknown): Promise<string> {
  const { toCamelCase } = await import('./envoy/json.ts');
  const shown = toCamelCase(redactSecrets(data));
  return format === 'yaml' ? await yamlText(shown) : jsonText(shown);
}
