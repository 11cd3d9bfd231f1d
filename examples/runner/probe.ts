import type { Sandbox } from '../../src/sandbox/sandbox.ts';

/** A call from one pod, as curl tells it: the status, or 000 and curl's exit code. */
export interface Seen {
  readonly status: number;
  readonly exit: number;
}

export function seenText({ status, exit }: Seen): string {
  return exit === 0 ? String(status) : `000, curl exit ${exit}`;
}

export const ok: Seen = { status: 200, exit: 0 };
export const forbidden: Seen = { status: 403, exit: 0 };
/** What STRICT looks like to a client without a certificate: the connection is reset. */
export const reset: Seen = { status: 0, exit: 56 };

export const same = (a: Seen, b: Seen): boolean => a.status === b.status && a.exit === b.exit;

export async function call(sandbox: Sandbox, from: string, url: string): Promise<Seen> {
  const { status, exit } = await sandbox.curl(from, url);
  return { status, exit };
}

const patienceMs = 5_000;

/** Calls until the answer is the expected one; tells how long that took from `since`, or what was seen last. */
export async function settles(
  sandbox: Sandbox,
  from: string,
  url: string,
  expected: Seen,
  since: number,
): Promise<{ readonly seen: Seen; readonly tookMs: number | undefined }> {
  for (;;) {
    const seen = await call(sandbox, from, url);
    const tookMs = performance.now() - since;
    if (same(seen, expected)) return { seen, tookMs };
    if (tookMs > patienceMs) return { seen, tookMs: undefined };
  }
}

/** Who can call whom: one row per client, one column per server, and where it isn't what it should be. */
export async function matrix(
  sandbox: Sandbox,
  clients: readonly string[],
  servers: readonly { readonly name: string; readonly url: string }[],
  expected: (client: string, server: string) => Seen,
): Promise<{ readonly lines: readonly string[]; readonly right: number; readonly cells: number }> {
  const width = Math.max(...servers.map(({ name }) => name.length), 18) + 2;
  const first = Math.max(...clients.map((client) => client.length), 10) + 2;
  const lines = [`${'from \\ to'.padEnd(first)}${servers.map(({ name }) => name.padEnd(width)).join('')}`.trimEnd()];
  let right = 0;
  for (const client of clients) {
    const seen = await Promise.all(servers.map(({ url }) => call(sandbox, client, url)));
    const cells = seen.map((each, column) => {
      const fine = same(each, expected(client, servers[column]?.name ?? ''));
      if (fine) right += 1;
      return `${seenText(each)}${fine ? '' : ' !'}`.padEnd(width);
    });
    lines.push(`${client.padEnd(first)}${cells.join('')}`.trimEnd());
  }
  return { lines, right, cells: clients.length * servers.length };
}
