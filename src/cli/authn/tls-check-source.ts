import type { TlsCheck, TlsQuestion } from '../../explain/tls-check.ts';
import { MeshError } from '../../lib/errors.ts';
import { isRecord } from '../../lib/is-record.ts';
import type { CompiledFilesFlags } from '../compiled-files.ts';
import type { CliContext } from '../context.ts';
import { controlPlanePages } from '../control-plane-pages.ts';
import { getJson } from '../http.ts';

/** Compares what files mean for both sides. */
export async function checkFiles(
  flags: CompiledFilesFlags,
  question: TlsQuestion,
  context: CliContext,
): Promise<TlsCheck> {
  const [{ compileFiles }, { tlsCheck }] = await Promise.all([
    import('../compiled-files.ts'),
    import('../../explain/tls-check.ts'),
  ]);
  return tlsCheck({ compiler: await compileFiles(flags, context), now: Date.now() / 1000 }, question);
}

/** Asks a control plane: the answer is what it serves now. */
export async function checkLive(
  flags: { readonly admin?: string; readonly sandbox?: string },
  { pod, host }: TlsQuestion,
  context: CliContext,
): Promise<TlsCheck> {
  const source = await controlPlanePages(flags, context);
  const query = new URLSearchParams({ proxyID: pod, host });
  const page = await getJson(source, `/debug/tlscheck?${query}`, context.signal);
  const found = Array.isArray(page) ? page.filter(isTlsCheck) : [];
  // Of several replicas, the one to which the client is connected has the least to remark.
  const [best] = found.sort((a, b) => a.notes.length - b.notes.length);
  if (best !== undefined) return best;
  throw new MeshError('unavailable', `${source.name} answered with something else than a TLS check`);
}

/** The page is our own; a server of another version must still not end in nonsense. */
function isTlsCheck(page: unknown): page is TlsCheck {
  return isRecord(page) && Array.isArray(page['rows']) && Array.isArray(page['notes']);
}
