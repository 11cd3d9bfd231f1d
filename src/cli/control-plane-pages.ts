import { MeshError } from '../lib/errors.ts';
import type { CliContext } from './context.ts';
import { type PageSource, pagesAt, parseHttpUrl } from './http.ts';

/** Where `--admin` or `--sandbox` says; else the usual address; else, if nothing is there, the only sandbox that runs. */
export async function controlPlanePages(
  { admin, sandbox }: { readonly admin?: string; readonly sandbox?: string },
  context: CliContext,
): Promise<PageSource> {
  const inSandbox = async (): Promise<PageSource> => {
    const { sandboxAdminPages } = await import('./sandbox-source.ts');
    return (await sandboxAdminPages(sandbox, context.env)).source;
  };
  if (sandbox !== undefined) return await inSandbox();
  const address = admin ?? context.env['COXSWAIN_ADMIN'];
  const usual = pagesAt(
    parseHttpUrl('--admin', address ?? '127.0.0.1:15014'),
    'is the control plane running there? see --admin and --sandbox',
  );
  if (address !== undefined || (await answers(usual, context))) return usual;
  return await inSandbox().catch((thrown: unknown) => {
    // Without a sandbox, the answer to the question that was asked is that nobody is at the usual address.
    if (MeshError.from(thrown).code === 'not-found') return usual;
    throw thrown;
  });
}

async function answers(source: PageSource, { signal }: CliContext): Promise<boolean> {
  try {
    await source.get('/healthz', signal);
    return true;
  } catch (thrown) {
    if (MeshError.from(thrown).code === 'unavailable') return false;
    throw thrown;
  }
}
