import type { CommandResult } from './run-command.ts';

/** A request, as curl is told to make it. */
export interface CurlOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as the body, from standard input. */
  readonly data?: string;
  readonly timeoutMs?: number;
  /** Further arguments. */
  readonly args?: readonly string[];
}

/** What came of it, as tests and people compare it. */
export interface CurlResult {
  /** curl's exit status: 0, or why there was no answer (7: refused; 56: reset, which is what STRICT looks like). */
  readonly exit: number;
  /** Of the answer; 0 if there was none. */
  readonly status: number;
  readonly body: string;
  /** How long it took, as curl measured it. */
  readonly seconds: number;
  /** What curl says went wrong; '' if nothing did. */
  readonly error: string;
}

const mark = '\u001f';

/** Arguments for curl, so that {@link readCurl} can read what it prints. */
export function curlArguments(url: string, options: CurlOptions): readonly string[] {
  const { method, headers = {}, data, timeoutMs = 5_000, args = [] } = options;
  return [
    '--silent',
    ...['--max-time', String(timeoutMs / 1_000)],
    ...['--write-out', `${mark}%{http_code}${mark}%{time_total}${mark}%{errormsg}`],
    ...(method === undefined ? [] : ['--request', method]),
    ...Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
    ...(data === undefined ? [] : ['--data-binary', '@-']),
    ...args,
    url,
  ];
}

/** Takes apart what curl printed; a killed curl printed nothing. */
export function readCurl(result: CommandResult): CurlResult {
  const parts = result.stdout.split(mark);
  const [status = '0', seconds = '0', error = ''] = parts.slice(-3);
  return {
    exit: result.code,
    status: parts.length < 4 ? 0 : Number(status),
    body: parts.slice(0, -3).join(mark),
    seconds: Number(seconds),
    error: parts.length < 4 ? result.stderr.trim() : error,
  };
}
