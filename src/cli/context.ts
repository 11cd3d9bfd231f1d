import type { Command } from 'commander';

/** 0: done. 1: the thing asked for failed, or has findings. 2: wrong usage (product.md, command line). */
export type ExitCode = 0 | 1 | 2;

/**
 * What a command may touch of its process. Handed in, so that tests run commands without a process of their own, and so
 * that nothing but `main.ts` reads `process`.
 */
export interface CliIo {
  /** What was asked for: tables, JSON, YAML. Always whole lines. */
  readonly stdout: (text: string) => void;
  /** Progress, warnings and errors. */
  readonly stderr: (text: string) => void;
  /** All of standard input, for `-f -`. */
  readonly stdin: () => Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts on Ctrl-C and SIGTERM. Every wait of a command takes it. */
  readonly signal: AbortSignal;
  /** True if stdout is a terminal that shows colours. */
  readonly color: boolean;
  /** True if stdout is a terminal: there, nothing secret may appear. */
  readonly terminal: boolean;
  readonly now: () => number;
}

/** The same, as a command gets it. */
export interface CliContext extends CliIo {
  /** Sets how the process ends when the command did its work; 0 unless called. Other codes: those of a program that was run. */
  readonly exitWith: (code: ExitCode | number) => void;
}

/** Makes one command with its flags. Its module is loaded only when that command runs, so keep heavy imports in actions. */
export type CommandFactory = (context: CliContext) => Command;
