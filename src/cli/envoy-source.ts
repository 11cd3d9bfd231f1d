import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { MeshError } from '../lib/errors.ts';
import type { CliContext } from './context.ts';
import { at } from './envoy/json.ts';
import { getJson, type PageSource, pagesAt, parseHttpUrl, parseJson } from './http.ts';

/** Flags that say where an Envoy's configuration is read. */
export interface EnvoySourceFlags {
  readonly file?: string;
  readonly envoyAdmin?: string;
  readonly sandbox?: string;
}

export function addEnvoySourceOptions(command: Command): Command {
  return command
    .option('-f, --file <file>', 'read a saved config_dump or clusters page; `-` is standard input')
    .addOption(new Option('--envoy-admin <url>', "ask this Envoy's admin address").conflicts('file'))
    .addOption(
      new Option('--sandbox <name>', 'ask the Envoy of a pod in this sandbox; the only one by default').conflicts([
        'file',
        'envoyAdmin',
      ]),
    );
}

/** What an Envoy says of itself. */
export interface EnvoyPages {
  readonly configDump: () => Promise<unknown>;
  readonly clusters: () => Promise<unknown>;
}

/** From a file, an address, or the Envoy of a pod in a sandbox. */
export function openEnvoy(pod: string | undefined, flags: EnvoySourceFlags, context: CliContext): EnvoyPages {
  if (flags.file !== undefined) return fromFile(flags.file, context);
  let pages: Promise<PageSource> | undefined;
  const page = async (path: string): Promise<unknown> => {
    pages ??= findPages(pod, flags, context.env);
    return await getJson(await pages, path, context.signal);
  };
  return {
    configDump: async () => checkedDump(await page('/config_dump?include_eds'), 'the Envoy'),
    clusters: () => page('/clusters?format=json'),
  };
}

function fromFile(path: string, context: CliContext): EnvoyPages {
  const read = async (): Promise<unknown> => {
    if (path === '-') return parseJson(await context.stdin(), 'standard input');
    try {
      return parseJson(await readFile(path, 'utf8'), path);
    } catch (thrown) {
      if (thrown instanceof MeshError) throw thrown;
      throw new MeshError('not-found', `can't read ${path}: ${MeshError.from(thrown).message}`, { cause: thrown });
    }
  };
  let once: Promise<unknown> | undefined;
  const content = (): Promise<unknown> => {
    once ??= read();
    return once;
  };
  const name = path === '-' ? 'standard input' : path;
  return { configDump: async () => checkedDump(await content(), name), clusters: content };
}

/** An error page, or another page's JSON, has no listeners either; it must not be taken for an Envoy that holds nothing. */
function checkedDump(page: unknown, name: string): unknown {
  if (Array.isArray(at(page, 'configs'))) return page;
  throw new MeshError('bad-argument', `what ${name} says is no config dump: it has no "configs"`, {
    hint: 'save the page /config_dump of an Envoy',
  });
}

async function findPages(
  pod: string | undefined,
  flags: EnvoySourceFlags,
  env: CliContext['env'],
): Promise<PageSource> {
  if (flags.envoyAdmin !== undefined) {
    return pagesAt(parseHttpUrl('--envoy-admin', flags.envoyAdmin), 'is this the admin address of a running Envoy?');
  }
  if (pod === undefined) {
    throw new MeshError('bad-argument', 'which proxy?', {
      hint: 'name POD.NAMESPACE of a sandbox, or give -f FILE or --envoy-admin URL',
    });
  }
  const { sandboxEnvoyPages } = await import('./sandbox-source.ts');
  return await sandboxEnvoyPages(flags.sandbox, pod, env);
}
