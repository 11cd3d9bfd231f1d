import { parseArgs } from 'node:util';
import { assertNever } from '../../src/lib/assert-never.ts';
import { MeshError } from '../../src/lib/errors.ts';
import { type Sight, type VisitOptions, visit } from './visit.ts';

/**
 * Opens an address in a real Chromium and prints what a person would see: the status, the title of the tab, the text of the page;
 * or the code on the browser's own page, where it gets no other. The exit code is 0 for a page whose status is no error, else 1.
 * Usage: browser.ts [--ca PEM] [--pkcs12 FILE --password-file FILE] [--map HOST=ADDRESS]... URL
 */
const usage = 'usage: browser.ts [--ca PEM] [--pkcs12 FILE --password-file FILE] [--map HOST=ADDRESS]... URL';

function readArguments(): VisitOptions {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ca: { type: 'string' },
      pkcs12: { type: 'string' },
      'password-file': { type: 'string' },
      map: { type: 'string', multiple: true, default: [] },
    },
  });
  const { ca, pkcs12, 'password-file': passwordFile, map } = values;
  const [url, ...more] = positionals;
  if (url === undefined || more.length > 0 || (pkcs12 === undefined) !== (passwordFile === undefined)) {
    throw new MeshError('bad-argument', usage);
  }
  const hosts = new Map(map.map((each) => pairOf(each)));
  return {
    url,
    hosts,
    ...(ca === undefined ? {} : { ca }),
    ...(pkcs12 === undefined || passwordFile === undefined ? {} : { client: { file: pkcs12, passwordFile } }),
  };
}

/** `HOST=ADDRESS`; a comma or blank would be read as a further rule. */
function pairOf(text: string): readonly [string, string] {
  const [, host, address] = /^([^=,\s]+)=([^=,\s]+)$/.exec(text) ?? [];
  if (host === undefined || address === undefined) throw new MeshError('bad-argument', usage);
  return [host, address];
}

function shown(sight: Sight): string {
  switch (sight.kind) {
    case 'page': {
      const head = sight.title === '' ? `HTTP ${sight.status}` : `HTTP ${sight.status}: ${sight.title}`;
      return `${head}\n${sight.text}\n`;
    }
    case 'error':
      return `${sight.code}\n`;
    default:
      return assertNever(sight);
  }
}

try {
  const sight = await visit(readArguments());
  process.stdout.write(shown(sight));
  process.exitCode = sight.kind === 'page' && sight.status < 400 ? 0 : 1;
} catch (thrown) {
  const { code, message, hint } = MeshError.from(thrown);
  const advice = code === 'missing-tool' ? '`make browser` installs what is needed' : hint;
  process.stderr.write(`browser: ${message}${advice === undefined ? '' : ` (${advice})`}\n`);
  process.exitCode = 1;
}
