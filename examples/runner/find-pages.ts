import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type Page, readPage } from './run-example.ts';

/** The pages to run, and those that are left out because they need the other kind of machine. */
export interface Pages {
  readonly chosen: readonly Page[];
  /** They need Kubernetes. */
  readonly skipped: readonly Page[];
}

/**
 * Finds pages below the folder `examples`. Every folder that has manifests is an example, and owes a page; a README with steps
 * is a page wherever it lies. With `kube` those that need Kubernetes run, and without it the others. Names choose among them.
 */
export async function findPages(examples: string, names: readonly string[], kube: boolean): Promise<Pages> {
  const pages = (await readPages(examples)).filter(({ isPage }) => isPage);
  const known = pages.map(({ folder }) => folder);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no example ${unknown.join(', ')}: choose from ${known.join(', ')}`);
  const wanted = pages.filter(({ folder }) => names.length === 0 || names.includes(folder));
  const other = wanted.filter(({ page }) => needsKubernetes(page) !== kube);
  if (names.length > 0 && other.length > 0) {
    const which = other.map(({ folder }) => folder).join(', ');
    throw new Error(kube ? `${which}: runs without --kube` : `${which}: needs Kubernetes, so add --kube`);
  }
  return {
    chosen: wanted.filter((each) => !other.includes(each)).map(({ page }) => page),
    skipped: kube ? [] : other.map(({ page }) => page),
  };
}

/** A page says so itself: by the command that starts its sandbox. */
export function needsKubernetes(page: Page): boolean {
  const first = readPage(page).steps[0]?.command ?? '';
  return /^coxswain sandbox up\b.* --kube\b/.test(first);
}

interface Found {
  readonly folder: string;
  readonly page: Page;
  readonly isPage: boolean;
}

async function readPages(examples: string): Promise<readonly Found[]> {
  const entries = await readdir(examples, { withFileTypes: true, recursive: true });
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name !== 'manifests');
  const owing = new Set(entries.flatMap((each) => (each.name === 'manifests' ? [each.parentPath] : [])));
  const found = folders.map(async (entry): Promise<Found> => {
    const dir = join(entry.parentPath, entry.name);
    const folder = relative(examples, dir);
    const file = join(dir, 'README.md');
    const page = {
      example: owing.has(dir) ? folder : undefined,
      path: join('examples', relative(examples, file)),
      markdown: await readFile(file, 'utf8').catch(() => ''),
    };
    return { folder, page, isPage: owing.has(dir) || hasConsole(page.markdown) };
  });
  return (await Promise.all(found)).sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

function hasConsole(markdown: string): boolean {
  return /^ {0,3}(?:`{3,}|~{3,})\s*console\s*$/m.test(markdown);
}
