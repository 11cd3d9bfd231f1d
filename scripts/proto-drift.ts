import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildRoot, readOverlay } from './protos/build.ts';
import { compare, type Drift } from './protos/compare.ts';
import { readEnvoyApi } from './protos/envoy-binary.ts';
import { readRoots } from './protos/sources.ts';

const USAGE = `usage: node scripts/proto-drift.ts ENVOY-BINARY [--update]

Compares our protobuf descriptor with the API embedded in an Envoy binary; exits 1 where they differ.
--update writes what differs into protos/overlay.json instead.`;

/** Empty where the descriptor and Envoy agree; else one line per difference. */
export function report(drift: Drift): readonly string[] {
  const { missing, gone, conflicts } = drift;
  return [
    ...conflicts.map((text) => `conflict  ${text}`),
    ...Object.entries(missing.messages).flatMap(([message, fields]) =>
      Object.entries(fields).map(([name, text]) => `missing   ${message}.${name}: ${text}`),
    ),
    ...Object.entries(missing.enums).flatMap(([name, values]) =>
      Object.keys(values).map((key) => `missing   ${name}.${key}`),
    ),
    ...gone.map((name) => `gone      ${name}`),
  ];
}

function update(binary: string): string {
  const path = join(import.meta.dirname, '..', 'protos', 'overlay.json');
  const envoy = readEnvoyApi(binary);
  const nothing = { removed: [], messages: {}, enums: {} };
  const before = compare(buildRoot(nothing), envoy);
  if (before.conflicts.length > 0) {
    throw new Error(
      `the .proto tree contradicts Envoy, and an overlay cannot mend that:\n${before.conflicts.join('\n')}`,
    );
  }
  // A removed message may have been the only user of others: look again at what is left, roots included.
  const removed = outermost(before.gone);
  const after = compare(buildRoot({ ...nothing, removed }), envoy, readRoots().messages);
  const text = `${JSON.stringify({ ...after.missing, removed }, null, 2)}\n`;
  const unchanged = readFileSync(path, { encoding: 'utf8', flag: 'a+' }) === text;
  writeFileSync(path, text);
  return unchanged ? 'overlay.json is up to date' : 'overlay.json updated';
}

/** Where a whole message is gone, its fields and nested types need not be named. */
function outermost(names: readonly string[]): readonly string[] {
  return names.filter((name) => !names.some((other) => name.startsWith(`${other}.`))).sort();
}

function main(args: readonly string[]): number {
  const binary = args.find((arg) => !arg.startsWith('--'));
  if (binary === undefined) {
    console.error(USAGE);
    return 2;
  }
  if (args.includes('--update')) {
    console.log(update(binary));
    return 0;
  }
  const lines = report(compare(buildRoot(readOverlay()), readEnvoyApi(binary), readRoots().messages));
  console.log(lines.length === 0 ? 'our descriptor agrees with Envoy' : lines.join('\n'));
  return lines.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  process.exitCode = main(process.argv.slice(2));
}
