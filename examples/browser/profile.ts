import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChecked } from '../../src/sandbox/run-command.ts';

/** A client certificate with its key, as browsers import it: a PKCS#12 file, and the file that holds its password. */
export interface Pkcs12 {
  readonly file: string;
  readonly passwordFile: string;
}

/** What the person at the browser has installed. */
export interface ProfileOptions {
  /** A CA that the browser trusts besides the well-known ones; PEM. */
  readonly ca?: string;
  readonly client?: Pkcs12;
}

/** The folders of a person's own, who has never used the browser before. */
export interface Profile extends AsyncDisposable {
  readonly home: string;
  /** What stands in place of `/etc/chromium`: the policies of whoever administers the machine. */
  readonly etc: string;
}

/**
 * Makes a home with what a person would click together: the CA and the client certificate in the NSS database that Chromium
 * reads on Linux, and a policy by which Chromium chooses that certificate without asking. All of it ends with the profile.
 */
export async function makeProfile({ ca, client }: ProfileOptions): Promise<Profile> {
  // Only its owner may look into it (mkdtemp makes it so): there is a private key inside.
  const home = await mkdtemp(join(tmpdir(), 'coxswain-browser-'));
  const remove = (): Promise<void> => rm(home, { recursive: true, force: true, maxRetries: 5 });
  try {
    const folder = join(home, '.pki', 'nssdb');
    const database = `sql:${folder}`;
    await mkdir(folder, { recursive: true });
    await runChecked(['certutil', '-N', '-d', database, '--empty-password']);
    if (ca !== undefined) await runChecked(['certutil', '-A', '-d', database, '-n', 'ca', '-t', 'C,,', '-i', ca]);
    if (client !== undefined) {
      await runChecked(['pk12util', '-i', client.file, '-d', database, '-w', client.passwordFile, '-K', '']);
    }
    const etc = join(home, 'etc');
    await mkdir(join(etc, 'policies', 'managed'), { recursive: true });
    await writeFile(join(etc, 'policies', 'managed', 'client-certificate.json'), JSON.stringify(policy));
    return { home, etc, [Symbol.asyncDispose]: remove };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}

/** The person has one certificate at most, so any site that asks for one may have it. The other two only keep the browser quiet. */
const policy = {
  AutoSelectCertificateForUrls: [JSON.stringify({ pattern: '*', filter: {} })],
  ComponentUpdatesEnabled: false,
  BrowserNetworkTimeQueriesEnabled: false,
};
