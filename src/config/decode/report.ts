import type { Finding, Severity } from '../../model/finding.ts';
import type { Origin } from '../../model/object.ts';
import { type Path, pathText } from './path.ts';

/** Line (1-based) of the value at `path`, or of its nearest ancestor that exists; undefined where lines mean nothing. */
export type Positions = (path: Path) => number | undefined;

/** What {@link Report} needs to know about the object under the lens. */
export interface ReportContext {
  readonly object: string;
  readonly origin: Origin;
  readonly positions: Positions | undefined;
}

/** Collects the findings of one object while it is decoded, each with the line of the field it speaks of. */
export class Report {
  readonly findings: Finding[] = [];
  readonly #context: ReportContext;
  #errors = 0;

  constructor(context: ReportContext) {
    this.#context = context;
  }

  get clean(): boolean {
    return this.#errors === 0;
  }

  error(path: Path, code: string, message: string, hint = ''): void {
    this.#errors++;
    this.#add('error', path, code, message, hint);
  }

  warning(path: Path, code: string, message: string, hint = ''): void {
    this.#add('warning', path, code, message, hint);
  }

  info(path: Path, code: string, message: string, hint = ''): void {
    this.#add('info', path, code, message, hint);
  }

  /** Runs `read`; `clean` says whether it went without an error. This is how a broken part is told from its siblings. */
  attempt<T>(read: () => T): { readonly value: T; readonly clean: boolean } {
    const before = this.#errors;
    const value = read();
    return { value, clean: this.#errors === before };
  }

  #add(severity: Severity, path: Path, code: string, message: string, hint: string): void {
    const { object, origin, positions } = this.#context;
    const line = origin.kind === 'file' ? positions?.(path) : undefined;
    const at: Origin = origin.kind === 'file' && line !== undefined ? { ...origin, line } : origin;
    this.findings.push({ severity, code, object, origin: at, field: pathText(path), message, hint });
  }
}
