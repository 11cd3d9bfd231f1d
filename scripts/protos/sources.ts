import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';

const project = join(import.meta.dirname, '..', '..');

/** The list of what we keep: `.proto` files by path, and messages by full name that only the overlay defines. */
export interface Roots {
  readonly files: readonly string[];
  readonly messages: readonly string[];
}

/** Reads `protos/roots.txt`; comments and blank lines are for people. */
export function readRoots(path: string = join(project, 'protos', 'roots.txt')): Roots {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
  return {
    files: lines.filter((line) => line.endsWith('.proto')),
    messages: lines.filter((line) => !line.endsWith('.proto')),
  };
}

/**
 * Parses the root files and all that they import.
 *
 * An import that no tree holds is an error: protobufjs alone would leave a hole, found much later as an unknown type.
 */
export function loadRoot(files: readonly string[], trees: readonly string[] = protoTrees()): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (origin, target) => {
    if (protobuf.common.get(target) !== null || existsSync(target)) {
      return target;
    }
    const tree = trees.find((candidate) => existsSync(join(candidate, target)));
    if (tree === undefined) {
      throw new Error(`unresolved import "${target}"${origin === '' ? '' : ` of ${origin}`}`);
    }
    return join(tree, target);
  };
  root.loadSync([...files]);
  root.resolveAll();
  return root;
}

/** True where the object was declared in one of the given files. */
export function declaredIn(object: protobuf.ReflectionObject, files: readonly string[]): boolean {
  const { filename } = object;
  if (filename != null) {
    return files.some((file) => filename === file || filename.endsWith(`/${file}`));
  }
  // The well-known types come from inside protobufjs, without a file name.
  return files.some((file) => {
    const builtIn = protobuf.common.get(file);
    return builtIn !== null && protobuf.Root.fromJSON(builtIn).lookup(object.fullName) !== null;
  });
}

/** Where imports are looked up, in this order: ours first, then the trees that ship inside a registry package. */
function protoTrees(): readonly string[] {
  const require = createRequire(import.meta.url);
  const deps = join(dirname(require.resolve('@grpc/grpc-js-xds/package.json')), 'deps');
  return [
    join(project, 'protos'),
    ...['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((tree) => join(deps, tree)),
    dirname(require.resolve('protobufjs/package.json')), // holds google/protobuf/descriptor.proto
  ];
}
