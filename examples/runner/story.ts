import { styleText } from 'node:util';

/** What one step of a story came to, in the words it is shown with. */
export interface Outcome {
  readonly seen: string;
  readonly asExpected: boolean;
  /** Further lines: proof, not verdict. */
  readonly evidence?: readonly string[];
}

/** One step: what is done, what must be seen, and how to look. */
export interface StoryStep {
  readonly title: string;
  /** Shown as what the reader could type. */
  readonly does?: readonly string[];
  readonly expected: string;
  readonly run: () => Promise<Outcome>;
}

/** Shows steps while they happen, and keeps count. */
export class Story {
  #shown = 0;
  #asExpected = 0;
  #chapters = 0;

  chapter(title: string): void {
    this.#chapters += 1;
    print(`\n${bold(`${this.#chapters}. ${title}`)}`);
  }

  say(...lines: readonly string[]): void {
    for (const line of lines) print(line === '' ? '' : `   ${dim(line)}`);
  }

  /** Something done between two steps. */
  command(line: string): void {
    print(`\n     ${styleText('cyan', line)}`);
  }

  async step(step: StoryStep): Promise<void> {
    print(`\n   ${step.title}`);
    for (const line of step.does ?? []) print(`     ${styleText('cyan', line)}`);
    let outcome: Outcome;
    try {
      outcome = await step.run();
    } catch (thrown) {
      outcome = { seen: thrown instanceof Error ? thrown.message : String(thrown), asExpected: false };
    }
    this.#shown += 1;
    if (outcome.asExpected) this.#asExpected += 1;
    for (const line of outcome.evidence ?? []) print(`     ${dim(line)}`);
    const verdict = outcome.asExpected ? styleText('green', '✓') : styleText('red', '✗');
    print(`   ${verdict} expected ${step.expected}`);
    print(`     seen     ${outcome.asExpected ? outcome.seen : styleText('red', outcome.seen)}`);
  }

  /** The closing line, and whether all went as expected. */
  end(): boolean {
    const all = this.#asExpected === this.#shown;
    print(`\n${styleText(all ? 'green' : 'red', `demo: ${this.#asExpected} of ${this.#shown} as expected`)}`);
    return all;
  }
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const bold = (text: string): string => styleText('bold', text);
const dim = (text: string): string => styleText('dim', text);
