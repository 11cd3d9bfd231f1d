import type { Compiler } from '../translate/compiler.ts';
import type { CliContext } from './context.ts';
import { findingText } from './finding-text.ts';

/** Flags that name files, and the mesh settings for them. */
export interface CompiledFilesFlags {
  readonly file?: readonly string[];
  readonly mesh?: string;
}

/** What files mean for every proxy, as `translate` reads them; what is wrong with them goes to standard error. */
export async function compileFiles(flags: CompiledFilesFlags, context: CliContext): Promise<Compiler> {
  const [{ readMesh }, { expandExamples, readMeshObjects }, { Store }, compiling] = await Promise.all([
    import('../settings.ts'),
    import('./read-mesh-objects.ts'),
    import('../snapshot/store.ts'),
    import('../translate/compiler.ts'),
  ]);
  const example = await expandExamples(flags.file ?? []);
  const { mesh } = await readMesh(flags.mesh ?? example.meshFile);
  const read = await readMeshObjects(example.paths, context.stdin);
  for (const finding of read.findings) context.stderr(`${findingText(finding)}\n`);
  const { snapshot } = new Store(mesh).commit([{ type: 'reset', objects: read.objects }]);
  return new compiling.Compiler(snapshot);
}
