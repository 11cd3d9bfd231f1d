import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { type EditScenario, editScenarios } from '../support/bench-edits.ts';
import { benchSize } from '../support/bench-world.ts';
import { measureAuthorization } from './authorization.ts';
import { Bench, type BenchOptions } from './bench.ts';
import { type Row, type Run, summary } from './figures.ts';
import { measureGateways } from './gateways.ts';
import { type KubeBenchOptions, kubeIds, measureKube, unmeasurable } from './kube.ts';
import { type Section, sectionText } from './kube-section.ts';
import { missed, table } from './report.ts';
import { measureSidecarScope } from './sidecar-scope.ts';
import { storm } from './storm.ts';

const worldIds = [
  'connect-cold',
  'connect-warm',
  'rss',
  ...editScenarios.map(({ id }) => id),
  'reconnect',
  'storm',
] as const;
const ids = [...worldIds, 'authorization', 'gateways', 'sidecar-scope', ...kubeIds] as const;

const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}; Node ${process.versions.node}`;

const usage = `usage: npm run bench -- [--only SCENARIO]... [--clients N] [--runs N] [--storm-seconds N] [--edits N] [--json FILE] [--profile DIR]

Measures a control plane under 1,000 connected clients, against the goals. Scenarios: ${ids.join(', ')}.
--clients N makes the world smaller (two pods a service); goals are for 1,000.
authorization: with thousands of policies, and a real Envoy.
gateways: one gateway with 1,000 hosts and 1,000 secrets.
sidecar-scope: clients that import their own namespace alone; all counts are exact.
kube, list-watch: on a real Kubernetes API (make kube); kube makes --edits N edits in a sandbox, which needs root.
--profile DIR writes one CPU profile of the server for each scenario.`;

/** First connects, and what the process holds then. The last control plane stays, with everybody connected. */
async function connects(bench: Bench, wanted: (id: string) => boolean): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const { runs } = bench.options;
  const goal = { touched: bench.count, bytes: 2_147_000_000 / 2 };
  const cold: Run[] = [];
  for (let run = 0; run < (wanted('connect-cold') ? runs : 1); run++) {
    await bench.start();
    cold.push(await bench.profiled('connect-cold', () => bench.connect()));
  }
  if (wanted('connect-cold')) {
    const floor = await bench.floor('connect');
    const title = 'first connect, cold';
    const goals = { ...goal, cpuSeconds: 5, lastAckMs: 5000 };
    rows.push({ id: 'connect-cold', title, goal: goals, runs, figures: summary(cold), floor });
  }
  if (wanted('rss')) {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const { rss } = await bench.server.call('usage');
    rows.push({ id: 'rss', title: 'all connected', goal: { rss: 350e6 }, runs: 1, figures: { rss } });
  }
  if (wanted('connect-warm')) {
    const warm: Run[] = [];
    for (let run = 0; run < runs; run++) warm.push(await bench.profiled('connect-warm', () => bench.connect()));
    const floor = await bench.floor('connect');
    const title = 'first connect, everything built';
    const goals = { ...goal, cpuSeconds: 3, lastAckMs: 3000 };
    rows.push({ id: 'connect-warm', title, goal: goals, runs, figures: summary(warm), floor });
  }
  return rows;
}

async function edits(bench: Bench, scenario: EditScenario): Promise<Row> {
  const { id, title, goal } = scenario;
  // Rounds 0 and 1 let the compiler of the JavaScript engine see the code; they don't count.
  await bench.edit(scenario, 0);
  await bench.edit(scenario, 1);
  const rounds = Array.from({ length: bench.options.runs + (bench.options.runs % 2) }, (_, index) => index + 2);
  const done = await bench.profiled(id, async () => {
    const runs: Run[] = [];
    for (const round of rounds) runs.push(await bench.edit(scenario, round));
    return runs;
  });
  const floor = await bench.floor('push');
  const touched = goal.touched === 'all' ? bench.count : goal.touched;
  const { bytes, cpuSeconds, lastAckMs } = goal;
  return {
    id,
    title,
    goal: { touched, bytes, cpuSeconds, lastAckMs },
    runs: done.length,
    figures: summary(done),
    floor,
  };
}

async function reconnects(bench: Bench): Promise<Row> {
  const runs: Run[] = [];
  for (let run = 0; run < bench.options.runs; run++) {
    runs.push(await bench.profiled('reconnect', () => bench.reconnect()));
  }
  // An empty answer each, by which Envoy knows that it is heard (delta.ts).
  const goal = { touched: 0, bytes: 110 * bench.count, cpuSeconds: 1, lastAckMs: 1500 };
  return {
    id: 'reconnect',
    title: 'all reconnect with current versions',
    goal,
    runs: runs.length,
    figures: summary(runs),
  };
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    clients: { type: 'string', default: String(benchSize.services * benchSize.podsPerService) },
    runs: { type: 'string', default: '5' },
    'storm-seconds': { type: 'string', default: '20' },
    edits: { type: 'string', default: '50' },
    json: { type: 'string' },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/** The options as numbers, or undefined where they make no sense. */
function readOptions() {
  const { clients, runs, edits, 'storm-seconds': seconds } = values;
  const numbers = { clients: Number(clients), runs: Number(runs), edits: Number(edits), seconds: Number(seconds) };
  const unknown = values.only.filter((id) => !ids.some((each) => each === id));
  if (unknown.length > 0) console.error(`no such scenario: ${unknown.join(', ')}`);
  const good = Object.entries(numbers).every(([name, value]) => value >= (name === 'clients' ? 2 : 1));
  return unknown.length === 0 && good ? numbers : undefined;
}

const wanted = (id: string): boolean => values.only.length === 0 || values.only.includes(id);

async function main(): Promise<void> {
  const options = readOptions();
  if (options === undefined || values.help) {
    console.log(usage);
    process.exitCode = options === undefined ? 2 : 0;
    return;
  }
  const { clients, runs, edits, seconds } = options;
  if (values.profile !== undefined) mkdirSync(values.profile, { recursive: true });
  const size = { ...benchSize, services: Math.ceil(clients / benchSize.podsPerService) };
  const { rows, misses } = await world({ size, runs, profileDir: values.profile }, seconds);
  const sections = [
    ...(await alone('authorization', runs, measureAuthorization)),
    ...(await alone('gateways', runs, measureGateways)),
    ...(await alone('sidecar-scope', runs, () => measureSidecarScope())),
    ...(await kube({ size, runs, edits })),
  ];
  if (values.json !== undefined) {
    const kubeFigures = Object.fromEntries(sections.map(({ id, figures }) => [id, figures]));
    const all = { clients: size.services * size.podsPerService, rows, missed: misses, kube: kubeFigures };
    writeFileSync(values.json, `${JSON.stringify(all, null, 2)}\n`);
  }
}

/** What is measured with a thousand clients. */
async function world(
  options: BenchOptions,
  seconds: number,
): Promise<{ readonly rows: readonly Row[]; readonly misses: readonly string[] }> {
  if (!worldIds.some(wanted)) return { rows: [], misses: [] };
  await using bench = new Bench(options);
  const rows: Row[] = [];
  const done = (row: Row): void => {
    rows.push(row);
    console.error(`measured: ${row.title}`);
  };
  if (worldIds.some((id) => id !== 'storm' && wanted(id))) {
    (await connects(bench, wanted)).forEach(done);
    for (const scenario of editScenarios) if (wanted(scenario.id)) done(await edits(bench, scenario));
    if (wanted('reconnect')) done(await reconnects(bench));
  }
  if (wanted('storm')) done(await storm(bench, seconds));
  const misses = missed(rows);
  report(bench, rows, misses);
  return { rows, misses };
}

/** What is measured in a process by itself. */
async function alone(
  id: (typeof ids)[number],
  runs: number,
  measure: (runs: number) => Section | Promise<Section>,
): Promise<readonly Section[]> {
  if (!wanted(id)) return [];
  const section = await measure(runs);
  console.log(`\n${sectionText(section)}\n· ${machine}`);
  return [section];
}

/** What is measured on Kubernetes. A machine that can't run a scenario fails only if it was asked for by name. */
async function kube(options: KubeBenchOptions): Promise<readonly Section[]> {
  const sections: Section[] = [];
  for (const id of kubeIds.filter(wanted)) {
    const [load = 0] = loadavg();
    try {
      const section = await measureKube(id, options, (text) => console.error(`measured: ${id}: ${text}`));
      sections.push(section);
      console.log(
        `\n${sectionText(section)}\n· ${machine}; load average ${load.toFixed(1)} before: others' work counts too`,
      );
    } catch (thrown) {
      const reason = unmeasurable(thrown);
      if (reason === undefined) throw thrown;
      console.log(`\n${id}: not measured: ${reason}`);
      if (values.only.includes(id)) process.exitCode = 1;
    }
  }
  return sections;
}

function report(bench: Bench, rows: readonly Row[], misses: readonly string[]): void {
  console.log(
    `\n${bench.count} delta ADS clients, ${bench.options.size.services} services in ${benchSize.namespaces} namespaces; ` +
      `${machine}; medians of ${bench.options.runs} runs\n`,
  );
  console.log(table(rows));
  const waited = rows.reduce((sum, { figures }) => sum + (figures.waitedMs ?? 0), 0) / 1000;
  if (waited > 1) {
    console.log(`\nwaited ${waited.toFixed(1)} s for a CPU: where others use the machine too, times say little`);
  }
  console.log(
    misses.length === 0 ? '\nevery goal is reached' : `\nmissed:\n${misses.map((each) => `  ${each}`).join('\n')}`,
  );
}

await main();
