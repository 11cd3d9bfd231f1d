import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { MeshError } from '../lib/errors.ts';

export interface EnvoySearch {
  /** The environment: COXSWAIN_ENVOY and PATH count. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder whose `.tools` may hold Envoys (`envoy-<version>/envoy`), as `make setup` puts them. */
  readonly home: string;
}

/**
 * Path of the Envoy to run: what COXSWAIN_ENVOY names, else the newest in `.tools`, else the first on PATH. A
 * COXSWAIN_ENVOY that can't be run is an error: who names one wants that one.
 */
export async function findEnvoy({ env, home }: EnvoySearch): Promise<string> {
  const named = env['COXSWAIN_ENVOY'];
  if (named !== undefined && named !== '') {
    const path = isAbsolute(named) ? named : resolve(named);
    if (await isExecutable(path)) return path;
    throw new MeshError('missing-tool', `COXSWAIN_ENVOY names ${path}, which can't be run`);
  }
  const fromPath = (env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  const candidates = [...(await fetched(home)), ...fromPath.map((directory) => join(directory, 'envoy'))];
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate;
  }
  throw new MeshError('missing-tool', 'envoy is not installed', {
    hint: 'make setup fetches it; COXSWAIN_ENVOY or PATH may name another one',
  });
}

/** Envoys in `.tools`, newest first. */
async function fetched(home: string): Promise<readonly string[]> {
  const tools = join(home, '.tools');
  let names: readonly string[];
  try {
    names = await readdir(tools);
  } catch {
    return []; // no such folder: nothing was fetched
  }
  return names
    .filter((name) => /^envoy-\d+\.\d+\.\d+$/.test(name))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(tools, name, 'envoy'));
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
