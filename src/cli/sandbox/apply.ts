import { readPaths } from '../../config/files.ts';
import { MeshError } from '../../lib/errors.ts';
import { readManifests } from '../../sandbox/example-files.ts';
import { documentFile, type ManifestDocument } from '../../sandbox/manifest-document.ts';
import { chooseSandbox, runDirOf } from '../../sandbox/run-dir.ts';
import { Sandbox } from '../../sandbox/sandbox.ts';
import type { CliContext } from '../context.ts';
import { findingText } from '../finding-text.ts';
import type { ApplyFlags, DeleteFlags } from './flags.ts';

/** `coxswain sandbox apply`: refuses objects with errors, as a cluster's admission would. */
export async function apply(flags: ApplyFlags, context: CliContext): Promise<void> {
  const input = once(context.stdin);
  if (flags.check) await check(flags, input, context);
  const documents = await read(flags.file, flags.namespace, input);
  const sandbox = await open(flags.sandbox, context);
  if (sandbox.status.kube !== undefined) {
    await kubectl(sandbox, ['apply', '--filename=-'], documents, context);
    return;
  }
  await sandbox.applyDocuments(documents);
  for (const document of documents) context.stdout(`${nameOf(document)} applied\n`);
}

/** `coxswain sandbox delete`. */
export async function remove(objects: readonly string[], flags: DeleteFlags, context: CliContext): Promise<void> {
  const documents = flags.file === undefined ? [] : await read(flags.file, flags.namespace, once(context.stdin));
  const named = objects.map((each) => parseObject(each, flags.namespace));
  if (documents.length + named.length === 0) {
    throw new MeshError('bad-argument', 'nothing to delete', { hint: 'name KIND/NAME.NAMESPACE, or files with -f' });
  }
  const sandbox = await open(flags.sandbox, context);
  if (sandbox.status.kube !== undefined) {
    if (documents.length > 0) await kubectl(sandbox, ['delete', '--filename=-'], documents, context);
    for (const { kind, name, namespace } of named) {
      const scope = namespace === '' ? [] : [`--namespace=${namespace}`];
      await kubectl(sandbox, ['delete', ...scope, `${kind}/${name}`], [], context);
    }
    return;
  }
  for (const object of [...documents, ...named]) {
    if (object.kind.toLowerCase() === 'pod') await sandbox.deletePod(`${object.name}.${object.namespace}`);
    else if (!(await sandbox.remove(documentFile(object)))) {
      throw new MeshError('not-found', `${nameOf(object)} is not in the live configuration`);
    }
    context.stdout(`${nameOf(object)} deleted\n`);
  }
}

/** In a cluster kubectl does it, in its own words. */
async function kubectl(
  sandbox: Sandbox,
  args: readonly string[],
  documents: readonly ManifestDocument[],
  context: CliContext,
): Promise<void> {
  const input = documents.map((each) => each.text).join('\n---\n');
  const { code, stdout, stderr } = await sandbox.kubectl(args, { input });
  context.stdout(stdout);
  if (code === 0) return void (stderr === '' || context.stderr(stderr));
  throw new MeshError('bad-argument', stderr.trim());
}

async function check(flags: ApplyFlags, input: () => Promise<string>, context: CliContext): Promise<void> {
  const found = await readPaths(flags.file, {
    stdin: input,
    ...(flags.namespace === undefined ? {} : { defaultNamespace: flags.namespace }),
  });
  for (const finding of found.findings) context.stderr(`${findingText(finding)}\n`);
  if (!found.findings.some((finding) => finding.severity === 'error')) return;
  throw new MeshError('bad-argument', 'nothing was applied', {
    hint: 'correct what is listed above, or use --no-check',
  });
}

async function read(
  files: readonly string[],
  namespace: string | undefined,
  input: () => Promise<string>,
): Promise<readonly ManifestDocument[]> {
  const sources = await Promise.all(
    files.map(async (file) => (file === '-' ? { file: 'standard input', yaml: await input() } : file)),
  );
  return await readManifests(sources, namespace);
}

async function open(name: string | undefined, context: CliContext): Promise<Sandbox> {
  const runDir = runDirOf(context.env);
  return await Sandbox.find((await chooseSandbox(runDir, name)).name, runDir);
}

interface Named {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

function parseObject(text: string, namespace = 'default'): Named {
  const [, kind, name, given] = /^([A-Za-z]+)\/([^./]+)(?:\.([^./]+))?$/.exec(text) ?? [];
  if (kind === undefined || name === undefined) {
    throw new MeshError('bad-argument', `${JSON.stringify(text)} names no object`, {
      hint: 'write KIND/NAME.NAMESPACE',
    });
  }
  return { kind, name, namespace: kind.toLowerCase() === 'namespace' ? '' : (given ?? namespace) };
}

function nameOf({ kind, name, namespace }: Named): string {
  return namespace === '' ? `${kind} ${name}` : `${kind} ${name}.${namespace}`;
}

/** Standard input can be read once, but is wanted twice. */
function once(read: () => Promise<string>): () => Promise<string> {
  let text: Promise<string> | undefined;
  return () => {
    text ??= read();
    return text;
  };
}
