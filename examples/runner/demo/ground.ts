import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';

/** Where the story plays: how a policy gets into the mesh there and out again, and in which words the reader would do it. */
export interface Ground {
  readonly sandbox: Sandbox;
  /** From when on effects are timed; and where there were several edits. */
  readonly since: string;
  readonly sinceEach: string;
  /** The command that {@link apply} or {@link remove} stands for. */
  readonly shown: (file: string, verb?: 'apply' | 'delete') => string;
  readonly apply: (file: string) => Promise<void>;
  readonly remove: (file: string) => Promise<void>;
  /** How to get the certificate of the mesh root, where that takes a command. */
  readonly rootCommand: readonly string[];
  readonly rootCertificate: () => Promise<string>;
}

/** A policy of the example by its name, as a path in the repository. */
export function policy(name: string): string {
  return `examples/istioinaction/policies/${name}.yaml`;
}

/** Without a cluster: policies are files of the live configuration. Runs in the repository's folder. */
export function machineGround(sandbox: Sandbox): Ground {
  return {
    sandbox,
    since: 'the edit',
    sinceEach: 'each edit',
    shown: (file, verb = 'apply') => `coxswain sandbox ${verb} -f ${file}`,
    apply: async (file) => {
      await sandbox.apply(await readFile(file, 'utf8'), { file: basename(file) });
    },
    remove: async (file) => {
      await sandbox.remove(basename(file));
    },
    rootCommand: [],
    rootCertificate: async () => await readFile(sandbox.path('state/ca/root-cert.pem'), 'utf8'),
  };
}

const rootQuery = [
  'get',
  'configmap',
  'istio-ca-root-cert',
  '-n',
  'istioinaction',
  '-o',
  'jsonpath={.data.root-cert\\.pem}',
];

/** With a real Kubernetes API: policies are objects, and kubectl does it. Runs in the repository's folder. */
export function clusterGround(sandbox: Sandbox): Ground {
  return {
    sandbox,
    since: 'kubectl was started',
    sinceEach: 'each kubectl was started',
    shown: (file, verb = 'apply') => `kubectl ${verb} -f ${file}`,
    apply: async (file) => {
      await kubectl(sandbox, ['apply', '-f', file]);
    },
    remove: async (file) => {
      await kubectl(sandbox, ['delete', '-f', file]);
    },
    rootCommand: [`${typed(rootQuery)} > root-cert.pem`],
    rootCertificate: async () => await kubectl(sandbox, rootQuery),
  };
}

/** What kubectl prints; its complaint is thrown where it fails. */
export async function kubectl(sandbox: Sandbox, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await sandbox.kubectl(args);
  if (code !== 0) throw new Error(stderr.trim());
  return stdout;
}

/** The command line as a reader would type it. */
export function typed(args: readonly string[]): string {
  const words = args.map((word) => (/^[-\w./=:,@]+$/.test(word) ? word : `'${word}'`));
  return ['kubectl', ...words].join(' ');
}

/** The lines of what kubectl printed. */
export function tableLines(text: string): readonly string[] {
  return text.trim() === '' ? [] : text.trimEnd().split('\n');
}
