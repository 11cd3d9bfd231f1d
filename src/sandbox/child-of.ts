import { readdir, readFile } from 'node:fs/promises';

/** The first child of a process; `undefined` if it has none (yet). */
export async function childOf(pid: number): Promise<number | undefined> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => undefined);
  if (children !== undefined) {
    const first = Number(children.trim().split(' ')[0]);
    return first > 0 ? first : undefined;
  }
  // Kernels without that file: look for a process whose parent it is.
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const text = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    if (text.slice(text.lastIndexOf(')') + 2).split(' ')[1] === String(pid)) return Number(name);
  }
  return undefined;
}
