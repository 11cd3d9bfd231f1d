import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './answer.ts';
import { grpcHealth } from './grpc-health.ts';
import type { Container, Handler, HttpGet, Probe } from './pod.ts';

/** Where a container is asked: from the node, at the pod's address, as the kubelet does. */
export interface HandlerTarget {
  readonly podIp: string;
  readonly container: Container;
  /** Runs a command in the container, with its rights. */
  readonly exec: (
    argv: readonly string[],
    timeoutMs: number,
  ) => Promise<{ readonly code: number; readonly output: string }>;
}

/** Asks once; never throws. */
export async function ask(handler: Probe, target: HandlerTarget, timeoutMs: number): Promise<Answer> {
  const { exec, httpGet, tcpSocket, grpc } = handler;
  try {
    if (exec !== undefined) {
      const { code, output } = await target.exec(exec.command ?? [], timeoutMs);
      return { ok: code === 0, message: code === 0 ? '' : `exit code ${code}: ${output.trim().slice(0, 200)}` };
    }
    if (httpGet !== undefined) return await getPage(httpGet, target, timeoutMs);
    if (tcpSocket !== undefined) {
      return await canConnect(tcpSocket.host ?? target.podIp, portOf(tcpSocket.port, target.container), timeoutMs);
    }
    if (grpc !== undefined) return await grpcHealth(target.podIp, grpc.port, grpc.service ?? '', timeoutMs);
    return { ok: true, message: '' };
  } catch (thrown) {
    return { ok: false, message: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** Runs a lifecycle hook: as a probe, except that it may also just wait. */
export async function runHook(handler: Handler, target: HandlerTarget, timeoutMs: number): Promise<Answer> {
  if (handler.sleep === undefined) return await ask(handler, target, timeoutMs);
  await sleep(Math.min(handler.sleep.seconds * 1_000, timeoutMs));
  return { ok: true, message: '' };
}

/** A port by its number, or by the name that the container gives it. */
export function portOf(port: number | string, container: Container): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find((each) => each.name === port)?.containerPort;
  return named ?? Number(port);
}

function getPage(page: HttpGet, { podIp, container }: HandlerTarget, timeoutMs: number): Promise<Answer> {
  const secure = page.scheme === 'HTTPS';
  const send = secure ? requestHttps : requestHttp;
  const port = portOf(page.port, container);
  const host = page.host ?? podIp;
  const headers = Object.fromEntries([
    ['user-agent', 'kube-probe/sandbox'],
    ['accept', '*/*'],
    ...(page.httpHeaders ?? []).map(({ name, value }) => [name.toLowerCase(), value]),
  ]);
  return new Promise((resolve) => {
    const request = send(
      { host, port, path: page.path ?? '/', headers, agent: false, ...(secure ? { rejectUnauthorized: false } : {}) },
      (response) => {
        response.resume();
        const { statusCode = 0 } = response;
        const ok = statusCode >= 200 && statusCode < 400;
        resolve({ ok, message: ok ? '' : `HTTP probe failed with statuscode: ${statusCode}` });
        response.on('error', () => undefined);
      },
    );
    const timer = setTimeout(() => request.destroy(new Error('no answer in time')), timeoutMs);
    request.on('error', (error) =>
      resolve({ ok: false, message: `GET ${host}:${port}${page.path}: ${error.message}` }),
    );
    request.on('close', () => clearTimeout(timer));
    request.end();
  });
}

function canConnect(host: string, port: number, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (ok: boolean, message: string): void => {
      socket.destroy();
      resolve({ ok, message });
    };
    socket.once('connect', () => end(true, ''));
    socket.once('timeout', () => end(false, `${host}:${port}: no answer in time`));
    socket.once('error', (error) => end(false, error.message));
  });
}
