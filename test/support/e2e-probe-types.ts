/** How a connection ended without an answer: by RST, by FIN, refused at once, or not at all. Other words are error codes. */
export type NoAnswer = { readonly error: 'reset' | 'closed' | 'refused' | 'timeout' | (string & {}) };

export interface HttpRequest {
  readonly host: string;
  readonly port: number;
  /** Sent as it is. */
  readonly path: string;
  readonly method?: string;
  /** A list: one line for each. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface TcpRequest {
  readonly host: string;
  readonly port: number;
  readonly say: string;
}

export interface TlsRequest extends TcpRequest {
  /** What is sent as SNI. */
  readonly name?: string;
  readonly alpn?: readonly string[];
  readonly version?: 'TLSv1.2' | 'TLSv1.3';
  /** PEM. */
  readonly certificate?: string;
  readonly key?: string;
}

export interface TlsAnswer {
  readonly reply: string;
  readonly alpn: string;
  /** URI and DNS names of the server's certificate, as Node prints them. */
  readonly names: string;
  /** Serial number of the server's certificate, hexadecimal. */
  readonly serial: string;
}

export interface CurlAnswer {
  readonly exit: number;
  readonly status: number;
  readonly body: string;
}

/** Many requests for one server, each a GET of a target that is sent as it is: one character, one byte. */
export interface TargetsRequest {
  readonly host: string;
  readonly port: number;
  readonly authority: string;
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
  readonly list: readonly string[];
}

/** The body in Latin-1. */
export type TargetAnswer = HttpAnswer | NoAnswer;

/** How a connection that was kept open stands. */
export type ConnectionState = 'open' | 'closed' | 'reset';

/** What a probe can be asked: name → what it needs, what it answers. */
export interface ProbeOperations {
  http: { needs: HttpRequest; gives: HttpAnswer | NoAnswer };
  tcp: { needs: TcpRequest; gives: { readonly reply: string } | NoAnswer };
  tls: { needs: TlsRequest; gives: TlsAnswer | NoAnswer };
  targets: { needs: TargetsRequest; gives: readonly TargetAnswer[] };
  curl: { needs: { readonly args: readonly string[] }; gives: CurlAnswer };
  /** Opens a connection and keeps it; gives its number. */
  open: { needs: { readonly host: string; readonly port: number }; gives: number };
  /** Sends bytes over it, and gives what comes back first. */
  say: { needs: { readonly connection: number; readonly text: string }; gives: { readonly reply: string } | NoAnswer };
  /** Makes a GET over it, and reads the answer to its end. */
  get: {
    needs: { readonly connection: number; readonly host: string; readonly path: string };
    gives: HttpAnswer | NoAnswer;
  };
  state: { needs: { readonly connection: number }; gives: ConnectionState };
  /** Waits until it ends, and tells how long that took. */
  ended: {
    needs: { readonly connection: number; readonly timeoutMs: number };
    gives: { readonly state: ConnectionState; readonly afterMs: number };
  };
}

export type ProbeOperation = keyof ProbeOperations;

/** One line to the probe. */
export type ProbeLine = {
  readonly [O in ProbeOperation]: { readonly id: number; readonly op: O; readonly needs: ProbeOperations[O]['needs'] };
}[ProbeOperation];

/** One line from it. */
export interface ProbeReply {
  readonly id: number;
  readonly gives?: unknown;
  readonly failed?: string;
}
