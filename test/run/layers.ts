/** A layer that is a program: counts as one test, or as many as its last line `N passed, N failed` says. */
export interface CommandLayer {
  readonly kind: 'command';
  readonly name: string;
  readonly command: readonly string[];
  /** Where this path is absent there is nothing to run yet. */
  readonly needs?: string;
  /** Shows what it prints as it goes; otherwise only where it fails. */
  readonly live?: boolean;
  readonly minutes: number;
}

/** A layer of mocha tests: all `*.test.ts` in a folder, loaded into a process of their own. */
export interface MochaLayer {
  readonly kind: 'mocha';
  readonly name: string;
  readonly folder: string;
  /** Added to the environment: the same files, told to run in another way. */
  readonly env: Readonly<Record<string, string>>;
  readonly reporter: 'dot' | 'spec';
  /** For one test, unless it sets its own. */
  readonly timeoutSeconds: number;
  /** For a process: then it counts as failed. */
  readonly minutes: number;
  /** Files at a time, each in a process of its own: for tests that wait more than they compute. Otherwise one process has all. */
  readonly atOnce?: number;
  /** Names of the files that take longest: they begin. */
  readonly longest: readonly string[];
}

export type Layer = CommandLayer | MochaLayer;

/** The Envoy to test with: the pinned one, unless a run over other versions says otherwise. */
const ENVOY = process.env['ENVOY'] ?? '.tools/envoy-1.40.0/envoy';

const node = [process.execPath, '--disable-warning=ExperimentalWarning'];

function command(name: string, words: readonly string[], more: Partial<CommandLayer> = {}): CommandLayer {
  return { kind: 'command', name, command: words, minutes: 5, ...more };
}

function mocha(folder: string, timeoutSeconds: number, minutes: number, more: Partial<MochaLayer> = {}): MochaLayer {
  const layer = {
    kind: 'mocha',
    name: folder,
    folder: `test/${folder}`,
    env: {},
    reporter: 'dot',
    longest: [],
  } as const;
  return { ...layer, timeoutSeconds, minutes, ...more };
}

/** All layers, in the order in which they run: the cheapest answer first. */
export const LAYERS: readonly Layer[] = [
  command('format', ['biome', 'format', '.']),
  command('lint', ['biome', 'lint', '--error-on-warnings', '.']),
  command('rules', [...node, 'scripts/import-rules.ts']),
  command('types', ['tsc', '--noEmit']),
  command('generated', [...node, 'scripts/gen-protos.ts', '--check']),
  command('test-files', [...node, 'test/run/test-files.ts']),
  mocha('unit', 5, 4),
  mocha('golden', 10, 2),
  mocha('property', 120, 8),
  mocha('fuzz', 60, 5),
  mocha('protocol', 20, 5),
  command('drift', [...node, 'scripts/proto-drift.ts', ENVOY]),
  mocha('integration/envoy', 60, 15, { reporter: 'spec', atOnce: 2, longest: ['rbac-edges'] }),
  mocha('integration/sandbox', 60, 10, { reporter: 'spec', atOnce: 2, longest: ['tls-check'] }),
  command('ext-authz', ['make', 'ext-authz'], { minutes: 20 }),
  mocha('e2e', 180, 30, { atOnce: 2, longest: ['path-confusion', 'client-tls', 'mtls'] }),
  command('examples', [...node, 'examples/run.ts'], { needs: 'examples/run.ts', live: true, minutes: 20 }),
  command('kube', ['make', 'kube'], { minutes: 40 }),
  command('examples/kube', [...node, 'examples/run.ts', '--kube'], { live: true, minutes: 15 }),
  mocha('integration/kube', 120, 20, { reporter: 'spec', atOnce: 2, longest: ['mesh-outage', 'mesh-replicas'] }),
  mocha('e2e/matrices', 180, 30, {
    name: 'e2e/kube',
    env: { COXSWAIN_E2E: 'kube' },
    atOnce: 2,
    longest: ['client-tls', 'mtls'],
  }),
];

/** What `make check` runs: no Envoy, no root, two minutes at most. */
export const CHECK: ReadonlySet<string> = new Set([
  'format',
  'lint',
  'rules',
  'types',
  'generated',
  'test-files',
  'unit',
  'golden',
  'property',
  'fuzz',
]);
