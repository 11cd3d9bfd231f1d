import { styleText } from 'node:util';
import { type DiffLine, diffOutput } from './run-compare.ts';
import { isEdit, runStep, type Seen, type StepResult, type StepRunner } from './run-step.ts';
import { parseTranscript, type Step, type Transcript } from './transcript.ts';

/** A page, and the example that it must start: that of its folder, or any where the folder has none. */
export interface Page {
  readonly example: string | undefined;
  /** As shown: relative to the repository. */
  readonly path: string;
  readonly markdown: string;
}

/** How many steps a page has, its problems included, and how many kept their promise. */
export interface Tally {
  readonly steps: number;
  readonly asExpected: number;
}

/** A page with all that is wrong with it as a page. No page may pass because it says nothing. */
export function readPage({ example, markdown }: Page): Transcript {
  const { steps, setup, problems } = parseTranscript(markdown);
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined) {
    return { steps, setup, problems: [...problems, { line: 1, message: 'a page without steps' }] };
  }
  const [, started] = /^coxswain sandbox up (\S+)(?: --kube)? --detach$/.exec(first.command) ?? [];
  const starts = started !== undefined && (example === undefined || example === started);
  const up = `coxswain sandbox up ${example ?? 'EXAMPLE'} --detach`;
  const more = [
    ...(starts ? [] : [{ line: first.line, message: `the first command is not: ${up}` }]),
    ...(last?.command === down ? [] : [{ line: last?.line ?? 1, message: `the last command is not: ${down}` }]),
  ];
  return { steps, setup, problems: [...problems, ...more] };
}

const down = 'coxswain sandbox down';

/** Runs a page's steps in order and shows each when it is done. */
export async function runPage(page: Page, runner: StepRunner, print: (line: string) => void): Promise<Tally> {
  const { steps, setup, problems } = readPage(page);
  const run = (command: string): Promise<Seen> => runner.run([...setup, command].join('\n'));
  print(styleText('bold', `\n${page.path}`));
  for (const { line, message } of problems) print(`  ${cross} ${page.path}:${line}: ${message}`);
  let asExpected = 0;
  let heading = '';
  let afterEdit = false;
  for (const step of steps) {
    if (step.heading !== heading) print(`\n  ${step.heading}`);
    heading = step.heading;
    const result = await runStep(step, afterEdit, { ...runner, run });
    afterEdit = isEdit(step.command);
    if (result.asExpected) asExpected += 1;
    for (const line of report(page, step, result)) print(`  ${line}`);
    if (!result.asExpected && step === steps[0]) {
      print(`  ${cross} nothing is up: ${steps.length - 1} further steps were not tried`);
      break;
    }
  }
  return { steps: steps.length + problems.length, asExpected };
}

/** How a step went: a line if well, else what was promised and what was seen. */
export function report(page: Page, step: Step, result: StepResult): readonly string[] {
  const took = styleText('dim', duration(result.tookMs));
  const [first = '', ...more] = step.command.split('\n');
  const command = more.length === 0 ? first : `${first.replace(/\s*\\$/, '')} …`;
  if (result.asExpected) return [`${tick} ${command}  ${took}`];
  const { seen, attempts } = result;
  const codes = step.exitCode === seen.exitCode ? [] : [`exit code: expected ${step.exitCode}, seen ${seen.exitCode}`];
  const complaints = seen.complaints
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .slice(-5);
  return [
    `${cross} ${page.path}:${step.line}: ${command}  ${took}${attempts > 1 ? `, ${attempts} attempts` : ''}`,
    ...[
      ...codes,
      ...diffText(diffOutput(step.output, seen.output)),
      ...complaints.map((line) => `stderr: ${line}`),
    ].map((line) => `    ${line}`),
  ];
}

/** Lines that differ, each with its neighbours. */
function diffText(diff: readonly DiffLine[]): readonly string[] {
  const differs = ({ kind }: DiffLine): boolean => kind === 'missing' || kind === 'unexpected';
  const near = diff.filter((_line, index) => diff.slice(Math.max(index - 2, 0), index + 3).some(differs));
  const text = near.map((line) => {
    if (line.kind === 'missing') return styleText('red', `- ${line.text}`);
    return line.kind === 'unexpected' ? styleText('green', `+ ${line.text}`) : `  ${line.text}`;
  });
  return text.length > longestDiff ? [...text.slice(0, longestDiff), '  …'] : text;
}

const longestDiff = 30;
const tick = styleText('green', '✓');
const cross = styleText('red', '✗');

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
