import type { CommandFactory } from './context.ts';

/** One line of `coxswain --help`, and where the command itself is. */
export interface CommandEntry {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly load: () => Promise<CommandFactory>;
}

/**
 * Every command. Names and summaries stand here so that `coxswain --help` loads none of the modules behind them: a command
 * line that answers at once gets used.
 */
export const commands: readonly CommandEntry[] = [
  {
    name: 'serve',
    aliases: [],
    summary: 'run the control plane on a directory of YAML, or on a cluster',
    load: async () => (await import('./serve.ts')).serveCommand,
  },
  {
    name: 'bootstrap',
    aliases: [],
    summary: 'write the Envoy bootstrap and join token of a workload',
    load: async () => (await import('./bootstrap.ts')).bootstrapCommand,
  },
  {
    name: 'validate',
    aliases: ['analyze'],
    summary: 'check configuration files, offline',
    load: async () => (await import('./validate.ts')).validateCommand,
  },
  {
    name: 'kube-inject',
    aliases: [],
    summary: 'add the sidecar to Kubernetes manifests',
    load: async () => (await import('./kube-inject.ts')).kubeInjectCommand,
  },
  {
    name: 'init',
    aliases: [],
    summary: "prepare a pod for its sidecar: interception rules and Envoy's bootstrap",
    load: async () => (await import('./init.ts')).initCommand,
  },
  {
    name: 'translate',
    aliases: [],
    summary: 'show the Envoy configuration that files mean for a proxy, offline',
    load: async () => (await import('./translate.ts')).translateCommand,
  },
  {
    name: 'proxy-status',
    aliases: ['ps'],
    summary: 'show what each connected proxy acknowledged or rejected',
    load: async () => (await import('./proxy-status.ts')).proxyStatusCommand,
  },
  {
    name: 'proxy-config',
    aliases: ['pc'],
    summary: 'show what configuration an Envoy holds',
    load: async () => (await import('./proxy-config.ts')).proxyConfigCommand,
  },
  {
    name: 'authn',
    aliases: [],
    summary: 'check that clients and servers speak the same: mutual TLS or plaintext',
    load: async () => (await import('./authn.ts')).authnCommand,
  },
  {
    name: 'authz',
    aliases: [],
    summary: 'explain authorization: who may call whom, by which rule, and what a dry run would change',
    load: async () => (await import('./authz.ts')).authzCommand,
  },
  {
    name: 'install',
    aliases: [],
    summary: 'print or apply what a cluster needs to run the control plane',
    load: async () => (await import('./install.ts')).installCommand,
  },
  {
    name: 'uninstall',
    aliases: [],
    summary: 'remove the control plane from a cluster',
    load: async () => (await import('./uninstall.ts')).uninstallCommand,
  },
  {
    name: 'sandbox',
    aliases: [],
    summary: 'run a mesh on this machine, without Docker or Kubernetes',
    load: async () => (await import('./sandbox.ts')).sandboxCommand,
  },
  {
    name: 'version',
    aliases: [],
    summary: 'print the version',
    load: async () => (await import('./version.ts')).versionCommand,
  },
];

/** The command of that name or alias. */
export function findCommand(name: string): CommandEntry | undefined {
  return commands.find((entry) => entry.name === name || entry.aliases.includes(name));
}
