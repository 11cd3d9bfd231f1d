import { Command, InvalidArgumentError, Option } from 'commander';
import type { CliContext } from './context.ts';
import { type OutputFormat, outputOption } from './output.ts';
import type { ApplyFlags, DeleteFlags, ExecFlags, LogsFlags, UpFlags } from './sandbox/flags.ts';

/** `coxswain sandbox`: a mesh on this machine. The work is in src/sandbox; here are only the words. */
export function sandboxCommand(context: CliContext): Command {
  const command = new Command('sandbox').addHelpText('after', examples);
  command
    .command('up')
    .description('run an example, or a folder of manifests, until Ctrl-C')
    .argument('<example>', 'name of an example, or a folder')
    .option('--name <name>', "name of the sandbox; the example's by default")
    .option('-d, --detach', 'return when it is up; `sandbox down` ends it')
    .option('--keep-config <dir>', 'live configuration lies in this folder, and stays there')
    .option('--mesh <file>', "mesh settings; the example's mesh.yaml by default")
    .option('--envoy <file>', 'the Envoy to run')
    .option('--timings', 'show how long each step took')
    .option('--kube', 'with a real Kubernetes API: objects live there, and its controllers make the pods')
    .addOption(
      new Option('--replicas <count>', 'of the control plane, with --kube')
        .argParser(wholeNumber)
        .default(undefined, '2'),
    )
    .action(async (example: string, flags: UpFlags) => (await import('./sandbox/up.ts')).up(example, flags, context));
  command
    .command('exec')
    .description("run a command as a pod, and end with the command's exit code")
    .usage('POD.NAMESPACE [options] -- COMMAND [ARGUMENTS]')
    .argument('<pod>', 'POD.NAMESPACE, or DEPLOYMENT.NAMESPACE for its first pod')
    .argument('<command...>', 'after --')
    .addOption(sandboxOption())
    .addOption(
      new Option(
        '--user <user>',
        "whose rights it has: the app's, the sidecar's (its connections are not captured), or root's",
      )
        .choices(['app', 'proxy', 'root'])
        .default('app'),
    )
    .addOption(containerOption())
    .action(async (pod: string, argv: readonly string[], flags: ExecFlags) =>
      (await import('./sandbox/exec.ts')).exec(pod, argv, flags, context),
    );
  command
    .command('kubectl')
    .description("run kubectl as the admin of the sandbox's Kubernetes API, and end with its exit code")
    .usage('[options] -- ARGUMENTS')
    .argument('<argument...>', 'after --')
    .addOption(sandboxOption())
    .action(async (args: readonly string[], flags: { readonly sandbox?: string }) =>
      (await import('./sandbox/kubectl.ts')).kubectl(args, flags, context),
    );
  command
    .command('status')
    .description('show pods and services of the running sandboxes')
    .argument('[name]', 'one sandbox only')
    .addOption(outputOption('table', 'json', 'yaml'))
    .action(async (name: string | undefined, { output }: { readonly output: OutputFormat }) =>
      (await import('./sandbox/status.ts')).status(name, output, context),
    );
  command
    .command('apply')
    .description('write objects into the live configuration')
    .requiredOption('-f, --file <path...>', 'files, folders, or `-` for standard input')
    .option('-n, --namespace <namespace>', 'namespace of objects that name none')
    .option('--no-check', 'apply objects with errors too, to see what the control plane makes of them')
    .addOption(sandboxOption())
    .action(async (flags: ApplyFlags) => (await import('./sandbox/apply.ts')).apply(flags, context));
  command
    .command('delete')
    .description('take objects out of the live configuration')
    .argument('[object...]', 'KIND/NAME.NAMESPACE; a Pod ends with all that runs in it')
    .option('-f, --file <path...>', 'the objects that these files hold; `-` is standard input')
    .option('-n, --namespace <namespace>', 'namespace of objects that name none')
    .addOption(sandboxOption())
    .action(async (objects: readonly string[], flags: DeleteFlags) =>
      (await import('./sandbox/apply.ts')).remove(objects, flags, context),
    );
  command
    .command('address')
    .description('print the address at which pods can call a service or a pod')
    .argument('<target>', 'SERVICE.NAMESPACE, or POD.NAMESPACE')
    .addOption(sandboxOption())
    .action(async (target: string, flags: { readonly sandbox?: string }) =>
      (await import('./sandbox/port-forward.ts')).address(target, flags, context),
    );
  command
    .command('port-forward')
    .description('let this machine call a service or a pod, until Ctrl-C')
    .argument('<target>', 'SERVICE.NAMESPACE, or POD.NAMESPACE')
    .argument(
      '<ports...>',
      "LOCAL:REMOTE; PORT for the same number twice, :REMOTE for any free one; on this machine's loopback",
    )
    .addOption(sandboxOption())
    .action(async (target: string, ports: readonly string[], flags: { readonly sandbox?: string }) =>
      (await import('./sandbox/port-forward.ts')).portForward(target, ports, flags, context),
    );
  command
    .command('logs')
    .description("print the log of a pod's app, of its sidecar, or of the control plane")
    .argument('[pod]', 'POD.NAMESPACE; the control plane by default')
    .option('--envoy', "the sidecar's instead of the app's")
    .addOption(containerOption())
    .addOption(sandboxOption())
    .action(async (pod: string | undefined, flags: LogsFlags) =>
      (await import('./sandbox/logs.ts')).logs(pod, flags, context),
    );
  command
    .command('down')
    .description('end a sandbox; nothing of it is left')
    .argument('[name]', 'the only one by default')
    .option('--all', 'every sandbox')
    .action(async (name: string | undefined, flags: { readonly all?: true }) =>
      (await import('./sandbox/down.ts')).down(name, flags, context),
    );
  return command;
}

function containerOption(): Option {
  return new Option('-c, --container <name>', 'with --kube: a container of the pod; the first of the app by default');
}

function wholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a number');
}

function sandboxOption(): Option {
  return new Option('--sandbox <name>', 'which sandbox; the only one by default');
}

const examples = `
Examples:
  coxswain sandbox up httpbin --detach
  coxswain sandbox exec sleep.legacy -- curl -s http://httpbin.foo:8000/ip
  coxswain sandbox apply -f examples/httpbin/policies/mesh-strict.yaml
  coxswain sandbox delete PeerAuthentication/default.istio-system
  INGRESS=$(coxswain sandbox address istio-ingressgateway.istio-system)
  coxswain sandbox port-forward istio-ingressgateway.istio-system 8080:80
  coxswain sandbox down
  coxswain sandbox up istioinaction --kube
  coxswain sandbox kubectl -- get pods -A`;
