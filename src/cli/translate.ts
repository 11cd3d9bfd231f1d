import { Command, Option } from 'commander';
import { MeshError } from '../lib/errors.ts';
import type { Proxy, ProxyKind } from '../model/proxy.ts';
import type { Resource } from '../model/resource.ts';
import { type ResourceTypeName, shortTypeNames, types } from '../model/type-urls.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { CliContext } from './context.ts';
import { filesOption } from './files-option.ts';
import { findingText } from './finding-text.ts';
import { jsonText, yamlText } from './output.ts';
import { parsePodName } from './pod-name.ts';

interface Flags {
  readonly file: readonly string[];
  readonly proxy: string;
  readonly kind?: ProxyKind;
  readonly type: string;
  readonly mesh?: string;
  readonly routes: Proxy['routes'];
  readonly output: 'yaml' | 'json';
}

/** Names under which types are printed; those of Envoy's static_resources where there is one. */
const groups: Readonly<Record<Exclude<ResourceTypeName, 'secret'>, string>> = {
  cluster: 'clusters',
  endpoint: 'endpoints',
  listener: 'listeners',
  route: 'routes',
  virtualHost: 'virtual_hosts',
  extension: 'extensions',
};

/** `coxswain translate`: the pipeline of `serve` on files, for one proxy. Secrets are made by a CA, so there are none here. */
export function translateCommand(context: CliContext): Command {
  const shortNames = Object.keys(groups).map((name) => shortName(name as ResourceTypeName).toLowerCase());
  return new Command('translate')
    .addOption(filesOption('files, directories, examples by name, or `-` for standard input').makeOptionMandatory())
    .requiredOption('--proxy <pod.namespace>', 'whose configuration: a Pod, WorkloadEntry, or Deployment of the files')
    .addOption(
      new Option(
        '--kind <kind>',
        'what the Envoy is; default: router for a pod that a Gateway chooses and that has no sidecar, else sidecar',
      ).choices(['sidecar', 'router']),
    )
    .addOption(new Option('--type <type>', 'only one type').choices([...shortNames, 'all']).default('all'))
    .option('--mesh <file>', 'mesh settings')
    .addOption(
      new Option('--routes <form>', 'routes with their virtual hosts apart, as they are served to Envoy, or inline')
        .choices(['vhds', 'inline'])
        .default('vhds'),
    )
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['yaml', 'json']).default('yaml'))
    .action(async (flags: Flags) => {
      const [{ readMesh }, { expandExamples, readMeshObjects }, { Store }, { translate }] = await Promise.all([
        import('../settings.ts'),
        import('./read-mesh-objects.ts'),
        import('../snapshot/store.ts'),
        import('../translate/translate.ts'),
      ]);
      const example = await expandExamples(flags.file);
      const { mesh } = await readMesh(flags.mesh ?? example.meshFile);
      const read = await readMeshObjects(example.paths, context.stdin);
      const { snapshot } = new Store(mesh).commit([{ type: 'reset', objects: read.objects }]);
      const proxy = await findProxy(snapshot, read.pods, flags);
      const { resources, findings } = translate(snapshot, proxy);
      const all = [...read.findings, ...findings];
      for (const finding of all) context.stderr(`${findingText(finding)}\n`);
      const shown = await asJson(resources, flags.type);
      context.stdout(flags.output === 'json' ? jsonText(shown) : await yamlText(shown));
      if (all.some((finding) => finding.severity === 'error')) context.exitWith(1);
    });
}

async function findProxy(
  snapshot: Snapshot,
  pods: readonly { readonly name: string; readonly namespace: string; readonly workload: string }[],
  flags: Flags,
): Promise<Proxy> {
  const [{ findWorkload, workloadsIn }, { findPod }, { expectedEnvoy }] = await Promise.all([
    import('../snapshot/indexes.ts'),
    import('../sandbox/find-pod.ts'),
    import('../explain/client.ts'),
  ]);
  const asked = parsePodName(flags.proxy);
  const known = findWorkload(snapshot, asked.namespace, asked.name);
  const name = known === undefined && pods.length > 0 ? findPod(pods, flags.proxy).name : asked.name;
  const workload = known ?? findWorkload(snapshot, asked.namespace, name);
  if (workload === undefined) {
    const names = [...workloadsIn(snapshot, asked.namespace)].map((each) => `${each.meta.name}.${asked.namespace}`);
    throw new MeshError('not-found', `the files have no workload ${flags.proxy}`, {
      hint: names.length === 0 ? `they have none in namespace ${asked.namespace}` : `there: ${names.join(', ')}`,
    });
  }
  const ip = workload.addresses[0] ?? '0.0.0.0';
  const { namespace } = asked;
  const kind = flags.kind ?? expectedEnvoy(snapshot, workload) ?? 'sidecar';
  return {
    id: `${kind}~${ip}~${name}.${namespace}~${namespace}.svc.${snapshot.mesh.dnsDomain}`,
    kind,
    ip,
    name,
    namespace,
    serviceAccount: workload.serviceAccount,
    labels: workload.labels,
    routes: flags.routes,
  };
}

async function asJson(resources: readonly Resource[], only: string): Promise<unknown> {
  const { resourceJson } = await import('./resource-json.ts');
  const shown = Object.entries(groups).map(([name, group]) => {
    const type = types[name as ResourceTypeName];
    return [
      shortName(name as ResourceTypeName).toLowerCase(),
      group,
      resources.filter((each) => each.type === type).map(resourceJson),
    ] as const;
  });
  if (only !== 'all') return shown.find(([short]) => short === only)?.[2] ?? [];
  return Object.fromEntries(shown.map(([, group, list]) => [group, list]));
}

function shortName(name: ResourceTypeName): string {
  return shortTypeNames[types[name]] ?? name;
}
