import { cp, lstat, mkdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { runCommand } from '../../src/sandbox/run-command.ts';

/** An instruction of a Dockerfile, its continuation lines joined. */
interface Instruction {
  readonly name: string;
  readonly words: string;
}

/** A built image: a folder that stands for its root, and how it is started. */
export interface BuiltImage {
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** Images that it is built on, in the order of the stages. */
  readonly bases: readonly string[];
  /** Steps that need the base image itself, and so were left out. */
  readonly skipped: readonly string[];
}

type Stage = { -readonly [Field in keyof BuiltImage]: BuiltImage[Field] };

/**
 * Does what a Dockerfile says without Docker, as far as that goes: stages are folders, base images are empty, the context is
 * what .dockerignore lets through. `RUN` runs here, in the stage's work directory, with relative paths. Knows the
 * instructions that our files use, and refuses others.
 */
export async function buildImage(dockerfile: string, context: string, into: string): Promise<BuiltImage> {
  const allowed = await readIgnore(join(context, '.dockerignore'));
  const args = new Map<string, string>();
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const { name, words } of instructions(await readFile(dockerfile, 'utf8'))) {
    const text = words.replace(/\$\{(\w+)\}/g, (whole, key: string) => args.get(key) ?? whole);
    if (name === 'ARG') {
      const [key = '', value = ''] = text.split('=');
      args.set(key, value);
      continue;
    }
    if (name === 'FROM') {
      const [base = '', , alias = `final-${stages.size}`] = text.split(/\s+/);
      const root = join(into, alias);
      await mkdir(root, { recursive: true });
      const bases = [...(stage?.bases ?? []), base];
      const skipped = stage?.skipped ?? [];
      stage = { root, workdir: '/', env: {}, user: 'root', entrypoint: [], cmd: [], bases, skipped };
      stages.set(alias, stage);
      continue;
    }
    if (stage === undefined) throw new Error(`${name} before FROM`);
    await step(name, text, stage, { context, allowed, stages });
  }
  if (stage === undefined) throw new Error(`${dockerfile} builds nothing`);
  return stage;
}

interface Surroundings {
  readonly context: string;
  readonly allowed: readonly string[];
  readonly stages: ReadonlyMap<string, Stage>;
}

async function step(name: string, text: string, stage: Stage, around: Surroundings): Promise<void> {
  switch (name) {
    case 'WORKDIR':
      stage.workdir = text;
      await mkdir(join(stage.root, text), { recursive: true });
      return;
    case 'COPY':
      return await copy(text, stage, around);
    case 'RUN':
      return await execute(text, stage);
    case 'ENV':
      stage.env = { ...stage.env, ...Object.fromEntries(text.split(/\s+/).map((pair) => pair.split('=', 2))) };
      return;
    case 'USER':
      stage.user = text;
      return;
    case 'ENTRYPOINT':
      stage.entrypoint = JSON.parse(text);
      return;
    case 'CMD':
      stage.cmd = JSON.parse(text);
      return;
    default:
      throw new Error(`no ${name} here`);
  }
}

async function copy(text: string, stage: Stage, { context, allowed, stages }: Surroundings): Promise<void> {
  const [, from, rest = ''] = /^(?:--from=(\S+)\s+)?(.*)$/.exec(text) ?? [];
  const names = rest.split(/\s+/);
  const target = join(stage.root, stage.workdir, names.at(-1) ?? '');
  for (const name of names.slice(0, -1)) {
    const source = join(from === undefined ? context : (stages.get(from)?.root ?? '/nowhere'), name);
    const visible = (path: string): boolean =>
      from !== undefined || isAllowed(path.slice(context.length).replace(/^\/+/, ''), allowed);
    if (!visible(source)) throw new Error(`COPY ${name}: .dockerignore keeps it out`);
    // A folder's content goes into the target; a file goes to the target, or into it where that ends in a slash.
    const folder = (await lstat(source)).isDirectory();
    const place = !folder && rest.endsWith('/') ? join(target, basename(name)) : target;
    await mkdir(dirname(place), { recursive: true });
    await cp(source, place, { recursive: true, verbatimSymlinks: true, filter: (path) => visible(path) });
  }
}

async function execute(text: string, stage: Stage): Promise<void> {
  if (/\bapt-get\b/.test(text)) {
    stage.skipped = [...stage.skipped, text];
    return;
  }
  const cwd = join(stage.root, stage.workdir);
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', npm_config_prefer_offline: 'true' };
  const { code, stderr } = await runCommand(['sh', '-ec', `cd "$0" && ${text}`, cwd], { env });
  if (code !== 0) throw new Error(`RUN ${text}: exit code ${code}: ${stderr}`);
}

function instructions(text: string): readonly Instruction[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  const joined = lines.join('\n').replace(/\\\n\s*/g, ' ');
  return joined
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', words = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      return { name, words: words.trim() };
    });
}

/** Our .dockerignore keeps everything out, and lets single paths in again. */
async function readIgnore(path: string): Promise<readonly string[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const [first, ...rest] = lines;
  if (first !== '*' || rest.some((line) => !line.startsWith('!')))
    throw new Error(`${path} is not of the form that is known here`);
  return rest.map((line) => line.slice(1));
}

function isAllowed(path: string, allowed: readonly string[]): boolean {
  return allowed.some((each) => path === each || path.startsWith(`${each}/`));
}
