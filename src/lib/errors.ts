/** Closed set of reasons why an operation of ours fails. Callers branch on these, never on message texts. */
export type MeshErrorCode =
  | 'bad-argument' // the caller's input (a flag, a file, a name) can't be used
  | 'not-found' // a named thing does not exist
  | 'unavailable' // something we depend on is not there now; trying again may help
  | 'unauthenticated' // no valid proof of identity
  | 'permission-denied' // proven identity, but not for this
  | 'conflict' // somebody else changed it, or took the name, first
  | 'gone' // what was asked for existed and can't be had any more
  | 'missing-tool' // a program that we run is not installed
  | 'internal'; // a bug of ours

/** The one error class. Messages are lower case, say what to do where that is known, and never hold keys or tokens. */
export class MeshError extends Error {
  readonly code: MeshErrorCode;
  readonly hint: string | undefined;

  constructor(
    code: MeshErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly hint?: string } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'MeshError';
    this.code = code;
    this.hint = options.hint;
  }

  /** Wraps whatever was thrown, so that every `catch` ends with a known shape. */
  static from(thrown: unknown, code: MeshErrorCode = 'internal'): MeshError {
    if (thrown instanceof MeshError) return thrown;
    if (thrown instanceof Error) return new MeshError(code, thrown.message, { cause: thrown });
    return new MeshError(code, String(thrown));
  }
}
