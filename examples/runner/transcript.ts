/** One command of a page, and what the page promises of it. */
export interface Step {
  readonly line: number;
  /** The nearest heading above it. */
  readonly heading: string;
  readonly command: string;
  readonly output: readonly string[];
  readonly exitCode: number;
}

/** Something on a page by which a step would be skipped, or not be compared, without anybody noticing. */
export interface PageProblem {
  readonly line: number;
  readonly message: string;
}

export interface Transcript {
  readonly steps: readonly Step[];
  /** Typed once, before; it holds for every command. */
  readonly setup: readonly string[];
  readonly problems: readonly PageProblem[];
}

interface Numbered {
  readonly line: number;
  readonly text: string;
}

interface Fence {
  readonly line: number;
  readonly heading: string;
  readonly mark: string;
  readonly info: string;
  readonly body: Numbered[];
}

/**
 * Reads a page: Markdown whose fenced `console` blocks are what somebody typed and saw. A line `$ command` (continued by
 * lines `> …`), then its output, then `exit code N` unless that is 0. A block marked `console no-run` is only read. One
 * marked `sh setup` readies the terminal: functions and variables that every command of the page may use.
 * All that looks like a command but stands elsewhere is a problem, because a slip in a fence must not switch a step off.
 */
export function parseTranscript(markdown: string): Transcript {
  const problems: PageProblem[] = [];
  const steps: Step[] = [];
  const setup: string[] = [];
  let heading = '';
  let fence: Fence | undefined;
  for (const [index, text] of markdown.split(/\r?\n/).entries()) {
    const line = index + 1;
    const mark = /^ {0,3}(`{3,}|~{3,})\s*(.*)$/.exec(text);
    if (fence === undefined) {
      heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(text)?.[1] ?? heading;
      if (mark !== null) fence = { line, heading, mark: mark[1] ?? '', info: (mark[2] ?? '').trim(), body: [] };
      else if (looksTyped(text)) problems.push({ line, message: 'a command outside of a console block' });
    } else if (mark !== null && mark[2] === '' && (mark[1] ?? '').startsWith(fence.mark)) {
      take(fence, { steps, setup, problems });
      fence = undefined;
    } else {
      fence.body.push({ line, text });
    }
  }
  if (fence !== undefined) problems.push({ line: fence.line, message: 'this block has no end' });
  return { steps, setup, problems };
}

interface Finds {
  readonly steps: Step[];
  readonly setup: string[];
  readonly problems: PageProblem[];
}

/** Steps of a block, or why it has none although it should. */
function take(fence: Fence, { steps, setup, problems }: Finds): void {
  const { line, info, body, heading } = fence;
  if (info === 'console no-run') return;
  if (info !== 'console') {
    const hidden = body.find(({ text }) => looksTyped(text));
    const what = `a command in a block marked ${JSON.stringify(info)} instead of "console" or "console no-run"`;
    if (hidden !== undefined || /consol/i.test(info)) problems.push({ line: hidden?.line ?? line, message: what });
    else if (info === 'sh setup') setup.push(...body.map(({ text }) => text));
    return;
  }
  const starts = body.flatMap(({ text }, index) => (text.startsWith('$ ') ? [index] : []));
  const before = body.slice(0, starts[0] ?? body.length).find(({ text }) => text.trim() !== '');
  if (before !== undefined) problems.push({ line: before.line, message: 'a console block that begins without "$ "' });
  else if (starts.length === 0) problems.push({ line, message: 'a console block without a command' });
  for (const [order, start] of starts.entries()) steps.push(readStep(body.slice(start, starts[order + 1]), heading));
}

function readStep(lines: readonly Numbered[], heading: string): Step {
  const [first, ...rest] = lines;
  const after = rest.findIndex(({ text }) => !/^>( |$)/.test(text));
  const end = after === -1 ? rest.length : after;
  const command = [first?.text ?? '', ...rest.slice(0, end).map(({ text }) => text)].map((text) => text.slice(2));
  const output = withoutBlankEnd(rest.slice(end).map(({ text }) => text));
  const code = /^exit code (\d+)$/.exec(output.at(-1) ?? '')?.[1];
  return {
    line: first?.line ?? 0,
    heading,
    command: command.join('\n'),
    output: code === undefined ? output : withoutBlankEnd(output.slice(0, -1)),
    exitCode: Number(code ?? 0),
  };
}

/** Blank lines at the end only set steps apart. */
export function withoutBlankEnd(lines: readonly string[]): readonly string[] {
  return lines.slice(0, lines.findLastIndex((line) => line.trim() !== '') + 1);
}

function looksTyped(text: string): boolean {
  return /^\s*\$ \S/.test(text);
}
