import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';

/** Finds the addresses of a name; rejects where there are none, or when the signal aborts. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

/** What decides how names are found. */
export interface ResolveOptions {
  readonly hosts?: string;
  readonly resolvConf?: string;
  /** `ADDRESS:PORT`; those of the system by default. */
  readonly servers?: readonly string[];
}

const queryMs = 2_000;
const tries = 2;

/**
 * Names as the system knows them (hosts file, search list, its servers), but without `getaddrinfo`: that one blocks a thread
 * per name, and there are two for the whole process. Here a name whose servers are silent delays nobody else's.
 */
export function systemResolve(options: ResolveOptions = {}): Resolve {
  const { hosts = '/etc/hosts', resolvConf = '/etc/resolv.conf', servers } = options;
  return async (host, signal) => {
    const name = host.toLowerCase();
    if (/(^|\.)localhost\.?$/.test(name)) return ['127.0.0.1', '::1'];
    const written = hostsEntry(await textOf(hosts), name.replace(/\.$/, ''));
    if (written.length > 0) return written;
    const resolver = new Resolver({ timeout: queryMs, tries });
    if (servers !== undefined) resolver.setServers(servers);
    const cancel = (): void => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await firstFound(resolver, candidates(name, await textOf(resolvConf)), signal);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
}

/** The first of several full names that has an address (resolv.conf(5), `search`). */
async function firstFound(
  resolver: Resolver,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  let last: unknown;
  for (const name of names) {
    signal.throwIfAborted();
    const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (found.length > 0) return found;
    last = answers.find((answer) => answer.status === 'rejected')?.reason ?? last;
  }
  throw last;
}

async function textOf(path: string): Promise<string> {
  // Without the file its defaults hold, as they do for the system's own resolver.
  return await readFile(path, 'utf8').catch(() => '');
}

function hostsEntry(text: string, name: string): readonly string[] {
  return fileLines(text).flatMap(([address, ...names]) =>
    address !== undefined && names.some((each) => each.toLowerCase() === name) ? [address] : [],
  );
}

/** The full names that a name may mean, in the order in which they are asked (resolv.conf(5), `search`, `ndots`). */
export function candidates(name: string, resolvConf: string): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  let search: readonly string[] = [];
  let ndots = 1;
  for (const [word, ...values] of fileLines(resolvConf)) {
    if (word === 'search' || word === 'domain') search = values;
    if (word !== 'options') continue;
    for (const value of values) ndots = Number(/^ndots:(\d{1,2})$/.exec(value)?.[1] ?? ndots);
  }
  const longer = search.map((domain) => `${name}.${domain.replace(/\.$/, '')}`);
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...longer] : [...longer, name];
}

/** The words of each line, without comments. */
function fileLines(text: string): readonly (readonly string[])[] {
  return text.split('\n').map((line) =>
    line
      .replace(/[#;].*/, '')
      .split(/\s+/)
      .filter((word) => word !== ''),
  );
}
