import { expect } from 'chai';
import { parseTranscript } from '../../../examples/runner/transcript.ts';

const page = (...lines: readonly string[]): string => lines.join('\n');
const problems = (...lines: readonly string[]): readonly string[] =>
  parseTranscript(page(...lines)).problems.map(({ line, message }) => `${line}: ${message}`);

describe('examples: transcript', () => {
  it('reads commands, what they show, and exit codes', () => {
    const text = page('# Title', '```console', '$ one', 'first', '', 'second', '', '$ two', 'exit code 56', '```');
    expect(parseTranscript(text)).to.deep.equal({
      steps: [
        { line: 3, heading: 'Title', command: 'one', output: ['first', '', 'second'], exitCode: 0 },
        { line: 8, heading: 'Title', command: 'two', output: [], exitCode: 56 },
      ],
      setup: [],
      problems: [],
    });
  });

  it('takes what readies the terminal from blocks marked so, and no steps', () => {
    const text = page(
      '```sh setup',
      'export A=1',
      '```',
      '```console',
      '$ one',
      '```',
      '```sh',
      'export B=2',
      '```',
      '```sh setup',
      'f() {',
      '}',
      '```',
    );
    const { steps, setup, problems: found } = parseTranscript(text);
    expect({ setup, problems: found }).to.deep.equal({ setup: ['export A=1', 'f() {', '}'], problems: [] });
    expect(steps.map(({ command }) => command)).to.deep.equal(['one']);
  });

  it('finds a command that hides among what readies the terminal', () => {
    expect(problems('```sh setup', 'export A=1', '$ one', '```')).to.deep.equal([
      '3: a command in a block marked "sh setup" instead of "console" or "console no-run"',
    ]);
  });

  it('continues a command over lines that begin with ">"', () => {
    const { steps } = parseTranscript(page('```console', '$ openssl verify \\', '>   -CAfile a', '>', 'a: OK', '```'));
    expect(steps).to.deep.equal([
      { line: 2, heading: '', command: 'openssl verify \\\n  -CAfile a\n', output: ['a: OK'], exitCode: 0 },
    ]);
  });

  it('takes an exit code as such on the last line only, and only when it is one', () => {
    const { steps } = parseTranscript(page('```console', '$ a', 'exit code 1', 'more', '$ b', 'exit code: 1', '```'));
    expect(steps.map(({ output, exitCode }) => ({ output, exitCode }))).to.deep.equal([
      { output: ['exit code 1', 'more'], exitCode: 0 },
      { output: ['exit code: 1'], exitCode: 0 },
    ]);
  });

  it('gives each step the nearest heading above it, not one inside a block', () => {
    const text = page('# A', '```console', '$ a', '# not a heading', '```', '## B ##', '```console', '$ b', '```');
    expect(parseTranscript(text).steps.map(({ heading }) => heading)).to.deep.equal(['A', 'B']);
  });

  it('reads Windows line ends and fences of other lengths', () => {
    const text = ['````console', '$ a', '```', '````', '~~~console', '$ b', '~~~'].join('\r\n');
    expect(parseTranscript(text).steps.map(({ command, output }) => [command, ...output])).to.deep.equal([
      ['a', '```'],
      ['b'],
    ]);
  });

  it('does not run blocks marked no-run, or blocks that are not typed', () => {
    const text = page('```console no-run', '$ tcpdump', '```', '```sh', 'export A=$PATH', '```', '```', 'text', '```');
    expect(parseTranscript(text)).to.deep.equal({ steps: [], setup: [], problems: [] });
  });

  for (const mark of ['consol', 'console norun', 'Console', 'bash', '', 'console no-run twice']) {
    it(`says so when commands hide in a block marked ${JSON.stringify(mark)}`, () => {
      const what = `a command in a block marked ${JSON.stringify(mark)} instead of "console" or "console no-run"`;
      expect(problems(`\`\`\`${mark}`, '$ coxswain version', '```')).to.deep.equal([`2: ${what}`]);
    });
  }

  it('says so when a misspelt block has no command that could be seen', () => {
    expect(problems('```consoles', '$coxswain', '```')).to.deep.equal([
      '1: a command in a block marked "consoles" instead of "console" or "console no-run"',
    ]);
  });

  it('says so when a command stands outside of a block', () => {
    const found = ['2: a command outside of a console block', '4: a command outside of a console block'];
    expect(problems('``console', '$ one', '``', '    $ two')).to.deep.equal(found);
  });

  it('says so when a console block has no command, or begins with something else', () => {
    expect(problems('```console', '', '```')).to.deep.equal(['1: a console block without a command']);
    expect(problems('```console', '', '$one', '$ two', '```')).to.deep.equal([
      '3: a console block that begins without "$ "',
    ]);
  });

  it('says so when a block has no end, even if it looks like one of another kind', () => {
    expect(problems('```console', '$ one', '~~~')).to.deep.equal(['1: this block has no end']);
  });
});
