import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { FakeClock } from '../../../../src/lib/clock.ts';
import { grpcHealth, healthRequest } from '../../../../src/sandbox/kube/grpc-health.ts';
import type { Probe } from '../../../../src/sandbox/kube/pod.ts';
import { countAnswer, nextAsk, noAnswers } from '../../../../src/sandbox/kube/probe-verdict.ts';
import { watchProbe } from '../../../../src/sandbox/kube/prober.ts';

describe('countAnswer', () => {
  const verdicts = (probe: Probe, answers: string): readonly (string | undefined)[] => {
    let state = noAnswers;
    return [...answers].map((each) => {
      state = countAnswer(state, each === '+', probe, each === 'e');
      return state.verdict;
    });
  };

  it('succeeds at once, and fails after three in a row, unless told otherwise', () => {
    expect(verdicts({}, '+--+---')).to.deep.equal([
      'success',
      'success',
      'success',
      'success',
      'success',
      'success',
      'failure',
    ]);
    expect(verdicts({ failureThreshold: 1, successThreshold: 2 }, '-++-+')).to.deep.equal([
      'failure',
      'failure',
      'success',
      'failure',
      'failure',
    ]);
  });

  it('does not hold early answers against the pod', () => {
    expect(verdicts({ failureThreshold: 1 }, 'eee')).to.deep.equal([undefined, undefined, undefined]);
  });
});

describe('nextAsk', () => {
  it('asks early until there is a verdict', () => {
    expect(nextAsk(noAnswers, 5_000)).to.deep.equal({ delayMs: 200, early: true });
    expect(nextAsk(noAnswers, 100)).to.deep.equal({ delayMs: 100, early: false });
    expect(nextAsk({ ...noAnswers, verdict: 'success' }, 5_000)).to.deep.equal({ delayMs: 5_000, early: false });
  });
});

describe('watchProbe', () => {
  /** Moves the clock in small steps, and lets what waits for it run. */
  async function pass(clock: FakeClock, ms: number): Promise<void> {
    for (let left = ms; left >= 0; left -= 100) {
      for (const _ of [1, 2, 3]) await new Promise((resolve) => setImmediate(resolve));
      if (left > 0) clock.advance(100);
    }
  }

  function start(probe: Probe, early: boolean, answers: (now: number) => boolean) {
    const clock = new FakeClock();
    const stop = new AbortController();
    const asked: number[] = [];
    const told: string[] = [];
    const ended = watchProbe(
      probe,
      { clock, signal: stop.signal, early },
      async () => {
        asked.push(clock.now());
        return { ok: answers(clock.now()), message: 'no' };
      },
      (ok) => {
        told.push(`${ok} ${clock.now()}`);
        return true;
      },
    ).catch(() => undefined);
    return { clock, stop, asked, told, ended };
  }

  it('asks when it is due, after the delay', async () => {
    const { clock, stop, asked, told, ended } = start(
      { initialDelaySeconds: 2, periodSeconds: 3, failureThreshold: 2 },
      false,
      () => false,
    );
    await pass(clock, 9_000);
    stop.abort();
    await ended;
    expect(asked).to.deep.equal([2_000, 5_000, 8_000]);
    expect(told).to.deep.equal(['false 5000']);
  });

  it('notices early that it succeeds, and then asks as it should', async () => {
    const { clock, stop, asked, told, ended } = start({ periodSeconds: 10 }, true, (now) => now >= 500);
    await pass(clock, 21_000);
    stop.abort();
    await ended;
    expect(asked).to.deep.equal([0, 200, 400, 600, 10_000, 20_000]);
    expect(told).to.deep.equal(['true 600']);
  });
});

describe('grpcHealth', () => {
  async function serve(status: number): Promise<Disposable & { readonly port: number; readonly bodies: Buffer[] }> {
    const bodies: Buffer[] = [];
    const server = createServer();
    server.on('stream', (stream) => {
      stream.on('data', (chunk: Buffer) => bodies.push(chunk));
      stream.on('end', () => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, status]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { port, bodies, [Symbol.dispose]: () => void server.close() };
  }

  it('succeeds where the service serves', async () => {
    using server = await serve(1);
    expect(await grpcHealth('127.0.0.1', server.port, 'web', 2_000)).to.deep.equal({ ok: true, message: '' });
    expect(Buffer.concat(server.bodies)).to.deep.equal(healthRequest('web'));
    expect(healthRequest('web').toString('hex')).to.equal('00000000050a03776562');
  });

  it('fails where it does not', async () => {
    using server = await serve(2);
    expect(await grpcHealth('127.0.0.1', server.port, '', 2_000)).to.deep.equal({
      ok: false,
      message: 'service is not serving (2)',
    });
  });
});
