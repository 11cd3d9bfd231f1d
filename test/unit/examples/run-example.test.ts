import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { type Page, readPage, runPage, type Tally } from '../../../examples/runner/run-example.ts';
import { seenOf } from '../../../examples/runner/run-step.ts';
import { systemClock } from '../../../src/lib/clock.ts';

const up = '$ coxswain sandbox up toy --detach';
const down = '$ coxswain sandbox down';

function pageOf(...lines: readonly string[]): Page {
  return { example: 'toy', path: 'examples/toy/README.md', markdown: lines.join('\n') };
}

const problemsOf = (page: Page): readonly string[] =>
  readPage(page).problems.map(({ line, message }) => `${line}: ${message}`);

/** Runs a page in a world where each command gives what this says, or nothing and 0. */
async function run(
  page: Page,
  world: Readonly<Record<string, readonly [string, number]>>,
): Promise<{ readonly tally: Tally; readonly shown: string; readonly ran: readonly string[] }> {
  const ran: string[] = [];
  const lines: string[] = [];
  const runner = {
    clock: systemClock,
    patienceMs: 0,
    signal: new AbortController().signal,
    run: (command: string) => {
      ran.push(command);
      const [output, code] = world[command] ?? ['', 0];
      return Promise.resolve(seenOf(output, code, 'a complaint\n'));
    },
  };
  const tally = await runPage(page, runner, (line) => lines.push(line));
  return { tally, shown: stripVTControlCharacters(lines.join('\n')), ran };
}

describe('examples: a page', () => {
  it('is wrong if it has no steps', () => {
    expect(problemsOf(pageOf(''))).to.deep.equal(['1: a page without steps']);
    expect(problemsOf(pageOf('```console no-run', up, down, '```'))).to.deep.equal(['1: a page without steps']);
  });

  it('is wrong if it does not begin and end its own sandbox', () => {
    expect(problemsOf(pageOf('```console', up, down, '```'))).to.deep.equal([]);
    expect(problemsOf(pageOf('```console', '$ coxswain sandbox up other --detach', '$ true', '```'))).to.deep.equal([
      '2: the first command is not: coxswain sandbox up toy --detach',
      '3: the last command is not: coxswain sandbox down',
    ]);
  });

  it('starts any example where its folder has none, also with Kubernetes', () => {
    const start = (command: string): readonly string[] =>
      problemsOf({ ...pageOf('```console', `$ coxswain sandbox ${command}`, down, '```'), example: undefined });
    expect(start('up toy --detach')).to.deep.equal([]);
    expect(start('up toy --kube --detach')).to.deep.equal([]);
    expect(start('up toy')).to.deep.equal(['2: the first command is not: coxswain sandbox up EXAMPLE --detach']);
  });

  it('types what readies the terminal before every command', async () => {
    const page = pageOf('```sh setup', 'a() { b; }', '```', '```console', up, '$ a', down, '```');
    const { ran } = await run(page, {});
    expect(ran).to.deep.equal([
      'a() { b; }\ncoxswain sandbox up toy --detach',
      // Twice, since it comes after an edit.
      'a() { b; }\na',
      'a() { b; }\na',
      'a() { b; }\ncoxswain sandbox down',
    ]);
  });

  it('counts the steps that kept their promise', async () => {
    const page = pageOf('# A', '```console', up, '$ curl', '200', down, 'toy is down', '```');
    const { tally, shown } = await run(page, { curl: ['200\n', 0], 'coxswain sandbox down': ['toy is down\n', 0] });
    expect(tally).to.deep.equal({ steps: 3, asExpected: 3 });
    expect(shown).to.match(/examples\/toy\/README.md\n\n {2}A\n {2}✓ coxswain sandbox up toy --detach {2}\d+ ms\n/);
  });

  it('fails a line that is not what is seen, tells where and how, and goes on', async () => {
    const page = pageOf('# A', '```console', up, '$ curl', '000', 'exit code 56', down, '```');
    const { tally, shown, ran } = await run(page, { curl: ['200\n', 0] });
    expect(tally).to.deep.equal({ steps: 3, asExpected: 2 });
    expect(shown).to.match(
      /✗ examples\/toy\/README.md:4: curl .*\n +exit code: expected 56, seen 0\n +- 000\n +\+ 200\n +stderr: a complaint\n/,
    );
    expect(ran.at(-1)).to.equal('coxswain sandbox down');
  });

  it('counts each problem as a step that failed', async () => {
    const page = pageOf('```console', up, down, '```', '```consol', '$ curl', '```');
    const { tally, shown } = await run(page, {});
    expect(tally).to.deep.equal({ steps: 3, asExpected: 2 });
    expect(shown).to.include('✗ examples/toy/README.md:6: a command in a block marked "consol"');
  });

  it('does not try the rest if nothing is up, but counts it', async () => {
    const page = pageOf('```console', up, '$ curl', '200', down, '```');
    const { tally, ran } = await run(page, { 'coxswain sandbox up toy --detach': ['', 1], curl: ['200\n', 0] });
    expect(tally).to.deep.equal({ steps: 3, asExpected: 0 });
    expect(ran).to.deep.equal(['coxswain sandbox up toy --detach']);
  });
});
