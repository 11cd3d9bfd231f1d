import { Option } from 'commander';

/** `-f`: files, directories or `-`; may be given several times, each with several names. */
export function filesOption(help = 'files, directories (with subfolders), or `-` for standard input'): Option {
  return new Option('-f, --file <path...>', help);
}
