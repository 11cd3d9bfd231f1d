import { expect } from 'chai';
import { isEdit, keepsPromise, runStep, type Seen, seenOf } from '../../../examples/runner/run-step.ts';
import type { Step } from '../../../examples/runner/transcript.ts';
import type { Clock } from '../../../src/lib/clock.ts';

const read: Step = { line: 1, heading: '', command: 'curl', output: ['200'], exitCode: 0 };
const edit: Step = { ...read, command: 'coxswain sandbox apply -f x.yaml', output: ['applied'] };

/** Time passes when somebody waits, and at once. */
function hastyClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    after(delayMs, task) {
      now += delayMs;
      queueMicrotask(task);
      return { [Symbol.dispose]: () => undefined };
    },
  };
}

/** Runs a step whose command gives these answers in turn, the last one for ever. */
async function play(step: Step, afterEdit: boolean, ...answers: readonly string[]): Promise<string> {
  let runs = 0;
  const { asExpected, attempts, seen } = await runStep(step, afterEdit, {
    clock: hastyClock(),
    patienceMs: 100,
    signal: new AbortController().signal,
    run: () => {
      const answer = answers[Math.min(runs, answers.length - 1)] ?? '';
      runs += 1;
      return Promise.resolve(seenOf(`${answer}\n`, answer === '000' ? 56 : 0, ''));
    },
  });
  return `${asExpected ? 'as expected' : 'not'} after ${attempts}: ${seen.output.join()}`;
}

describe('examples: running a step', () => {
  it('is content with the first right answer', async () => {
    expect(await play(read, false, '200', '403')).to.equal('as expected after 1: 200');
  });

  it('repeats a command that reads until it is right', async () => {
    expect(await play(read, false, '000', '403', '200')).to.equal('as expected after 3: 200');
  });

  it('gives up when its patience is over, and shows the last answer', async () => {
    expect(await play(read, false, '000', '403')).to.equal('not after 7: 403');
  });

  it('wants the right answer twice in a row after an edit', async () => {
    expect(await play(read, true, '200', '403', '200', '200')).to.equal('as expected after 4: 200');
    expect(await play(read, true, '200', '403')).to.equal('not after 7: 403');
  });

  it('runs an edit once, whatever it says', async () => {
    expect(await play(edit, true, 'refused', 'applied')).to.equal('not after 1: refused');
    expect(await play(edit, true, 'applied')).to.equal('as expected after 1: applied');
  });

  it('ends when it is interrupted', async () => {
    const interrupt = new AbortController();
    interrupt.abort(new Error('interrupted'));
    const runner = { clock: hastyClock(), patienceMs: 1, signal: interrupt.signal, run: () => Promise.resolve(wrong) };
    const thrown = await runStep(read, false, runner).catch((error: unknown) => error);
    expect(thrown).to.equal(interrupt.signal.reason);
  });

  it('knows edits from reads', () => {
    const commands = [
      'up httpbin --detach',
      'apply -f x',
      'delete A/b.c',
      'down',
      'exec a.b -- curl',
      'status',
      'logs',
    ];
    expect(commands.map((each) => isEdit(`coxswain sandbox ${each}`))).to.deep.equal([
      ...[true, true, true, true],
      ...[false, false, false],
    ]);
  });

  it('knows edits from reads in a cluster, too', () => {
    const edits = [
      'kubectl apply -f x',
      'sed s/a/b/ x | kubectl apply -f -',
      'kubectl delete pod x',
      'kubectl rollout restart deployment/x',
      'kubectl coxswain uninstall --apply',
      'coxswain install --wait --apply',
    ];
    const reads = [
      'kubectl get pods',
      'kubectl rollout status deployment/x',
      'kubectl wait --for=condition=Enforced -f x',
      'kubectl coxswain uninstall',
    ];
    expect(edits.filter((each) => !isEdit(each))).to.deep.equal([]);
    expect(reads.filter(isEdit)).to.deep.equal([]);
  });

  it('compares output and exit code, not complaints', () => {
    expect(keepsPromise(read, seenOf('200\n', 0, 'noise'))).to.equal(true);
    expect(keepsPromise(read, seenOf('200', 0, ''))).to.equal(true);
    expect(keepsPromise(read, seenOf('200\n', 1, ''))).to.equal(false);
    expect(keepsPromise(read, seenOf('403\n', 0, '200'))).to.equal(false);
    expect(keepsPromise({ ...read, exitCode: 56 }, seenOf('200\n', 0, ''))).to.equal(false);
  });
});

const wrong: Seen = seenOf('', 1, '');
