import { writeFile } from 'node:fs/promises';
import https from 'node:https';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { configOf, SERVER_SETTINGS } from '../../server/config.js';
import { loadSettings } from '../../shared/settings.js';
import { selfSigned } from '../faults/self-signed.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';
import { Centre } from './support/centre.js';

describe('the centre over TLS', () => {
  let folder: string;
  let centre: Centre;
  let files: { TLS_CERT: string; TLS_KEY: string };

  const write = async (name: string) => {
    const { cert, key } = selfSigned(name);
    await writeFile(files.TLS_KEY, key, { mode: 0o600 });
    await writeFile(files.TLS_CERT, cert);
  };
  /** Name of the certificate and the status a new connection gets. */
  const look = () =>
    new Promise<{ name: string; status: number }>((resolve, reject) => {
      const options = { rejectUnauthorized: false, agent: false as const };
      const request = https.get(`${centre.url}/healthz`, options, (response) => {
        const { subject } = (response.socket as TLSSocket).getPeerCertificate();
        response.resume().on('end', () => resolve({ name: String(subject.CN), status: response.statusCode ?? 0 }));
      });
      request.on('error', reject);
    });

  beforeEach(async () => {
    folder = await createTempFolder();
    files = { TLS_CERT: path.join(folder, 'cert.pem'), TLS_KEY: path.join(folder, 'key.pem') };
    await write('first.example');
    const { tls } = configOf(loadSettings(SERVER_SETTINGS, { flags: {}, env: files }));
    centre = await Centre.start('embedded', { config: { tls }, certificateIntervalMs: 20 });
  });
  afterEach(async () => {
    await centre.stop();
    await removeFolder(folder);
  });

  it('serves the certificate its settings name', async () => {
    expect(centre.url).to.match(/^https:/);
    expect(await look()).to.deep.equal({ name: 'first.example', status: 200 });
  });

  it('serves a renewed certificate without a restart, and the old one until both files go together', async () => {
    await writeFile(files.TLS_CERT, selfSigned('half.example').cert);
    // Long enough for some looks at the files.
    for (let n = 0; n < 5; n++) expect((await look()).name).to.equal('first.example');
    await writeFile(files.TLS_KEY, 'nothing of the kind');
    expect((await look()).name).to.equal('first.example');
    await write('second.example');
    await waitFor(async () => (await look()).name === 'second.example', { what: 'the new certificate to be served' });
  });
});
