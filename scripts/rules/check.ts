import { posix } from 'node:path';
import { type Import, type Scan, scan } from './scan.ts';
import { DOORS, IMPURE, IMPURE_LIB, LAYERS, PARTS, PURE, PURE_NODE_MODULES } from './table.ts';

const PROTOS = '@envoyproxy/protos';

/** Checks all sources, given as path below `src/` → text; one line per violation, as `src/file:line: what and why`. */
export function checkSources(sources: ReadonlyMap<string, string>): readonly string[] {
  const scans = new Map([...sources].map(([path, text]) => [path, scan(text)] as const));
  const single = [...scans].flatMap(([path, found]) => [...checkImports(path, found), ...checkPurity(path, found)]);
  return [...single, ...findCycles(scans)];
}

function* checkImports(path: string, { imports }: Scan): Generator<string> {
  for (const found of imports) {
    const problem = judge(path, found);
    if (problem !== null) {
      yield `src/${path}:${found.line}: ${problem}`;
    }
  }
}

/** What is wrong with this import, or null. */
function judge(path: string, found: Import): string | null {
  const from = layerOf(path);
  const target = resolve(path, found.specifier);
  const rules = LAYERS[from];
  if (rules === undefined) {
    return `${from} is no known layer: add it to scripts/rules/table.ts`;
  }
  if (found.specifier.startsWith('node:')) {
    return isPure(path) && !PURE_NODE_MODULES.includes(found.specifier)
      ? `pure code must not use ${found.specifier}`
      : null;
  }
  if (isPure(path) && IMPURE_LIB.some((part) => covers(part, target))) {
    return `pure code must not use ${target}`;
  }
  if (!found.specifier.startsWith('.') && target !== PROTOS) {
    return judgePackage(path, target);
  }
  const part = PARTS.find(
    (rule) =>
      (rule.onlyFrom !== undefined && covers(rule.part, target) && !covers(rule.onlyFrom, path)) ||
      (covers(rule.part, path) && rule.never?.some((never) => covers(never, target))),
  );
  if (part !== undefined) {
    return part.onlyFrom === undefined
      ? `${part.part} must not use ${target}`
      : `only ${part.onlyFrom} may use ${part.part}`;
  }
  return layerOf(target) === from || rules.some((rule) => allows(rule, target, found.typeOnly))
    ? null
    : `${from} must not import ${target}${found.typeOnly ? '' : rules.includes(`types:${target}`) ? ' (only its types)' : ''}`;
}

function judgePackage(path: string, specifier: string): string | null {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const doors = DOORS[name];
  if (doors === undefined) {
    return `${name} has no door: add one to scripts/rules/table.ts`;
  }
  return doors.some((door) => covers(door, path)) ? null : `${name} is used through ${doors.join(', ')} only`;
}

function allows(rule: string, target: string, typeOnly: boolean): boolean {
  return rule.startsWith('types:')
    ? typeOnly && covers(rule.slice('types:'.length), target)
    : rule === '*' || covers(rule, target);
}

function* checkPurity(path: string, { code }: Scan): Generator<string> {
  if (!isPure(path)) {
    return;
  }
  for (const [index, line] of code.split('\n').entries()) {
    for (const { code: pattern, instead } of IMPURE) {
      const match = pattern.exec(line);
      if (match !== null) {
        yield `src/${path}:${index + 1}: pure code must not use ${match[0]}: ${instead}`;
      }
    }
  }
}

/** Each cycle once, as the path around it. Type imports count: layers that need each other's words are one layer. */
function findCycles(scans: ReadonlyMap<string, Scan>): readonly string[] {
  const done = new Set<string>();
  const trail: string[] = [];
  const cycles: string[] = [];
  function visit(path: string): void {
    if (trail.includes(path)) {
      cycles.push(`src/${path}: imports itself: ${[...trail.slice(trail.indexOf(path)), path].join(' → ')}`);
      return;
    }
    if (done.has(path)) {
      return;
    }
    trail.push(path);
    for (const { specifier } of scans.get(path)?.imports ?? []) {
      const target = posix.join(posix.dirname(path), specifier);
      if (specifier.startsWith('.') && scans.has(target)) {
        visit(target);
      }
    }
    trail.pop();
    done.add(path);
  }
  [...scans.keys()].sort().forEach(visit);
  return cycles;
}

function isPure(path: string): boolean {
  return PURE.some((part) => covers(part, path));
}

/** True where `path` is the file `part` (its suffix left out) or lies in the folder `part`. */
function covers(part: string, path: string): boolean {
  return path === part || path === `${part}.ts` || path.startsWith(`${part}/`);
}

function layerOf(path: string): string {
  return path.replace(/\.ts$/, '').split('/', 1)[0] ?? '';
}

function resolve(path: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier).replace(/\.ts$/, '') : specifier;
}
