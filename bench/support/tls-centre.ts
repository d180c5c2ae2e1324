/**
 * A gateway that speaks TLS, as a process of its own, with a certificate that only those who are told trust.
 *
 * The certificate is a single one of 400 bytes; one that a public authority vouches for comes with a chain of some 3 kB
 * at each new connection.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import https from 'node:https';
import path from 'node:path';
import { freePort } from '../../sim/ports.js';
import { ProgramProcess, programEntry } from '../../sim/processes.js';
import { selfSigned } from '../../test/faults/self-signed.js';
import type { RunContext } from '../row.js';

export interface TlsCentre {
  port: number;
  /** PEM file for NODE_EXTRA_CA_CERTS. */
  certificateFile: string;
  /** Credential of the village `bench`. */
  password: string;
  /** True when it holds a reading of that device. */
  holdsDevice(device: string): Promise<boolean>;
}

const ADMIN_TOKEN = 'bench-admin';
const ANALYST_TOKEN = 'bench-analyst';
const HOST = 'localhost';

interface Ask {
  method?: string;
  token?: string;
  body?: object;
}

export async function withTlsCentre<T>(
  context: RunContext,
  settings: Record<string, string>,
  work: (centre: TlsCentre) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(context.folder, 'tls-centre-'));
  const certificateFile = path.join(folder, 'certificate.pem');
  const keyFile = path.join(folder, 'key.pem');
  const { cert, key } = selfSigned(HOST);
  await writeFile(certificateFile, cert);
  await writeFile(keyFile, key, { mode: 0o600 });
  const port = await freePort();
  const agent = new https.Agent({ keepAlive: true, ca: cert });
  const ask = (path: string, options: Ask = {}) => askCentre(agent, port, path, options);
  const centre = new ProgramProcess({
    name: 'the centre',
    entry: programEntry('server'),
    args: ['start', '--central-port', String(port), '--data-path', path.join(folder, 'data')],
    env: { ADMIN_TOKEN, ANALYST_TOKEN, TLS_CERT: certificateFile, TLS_KEY: keyFile, LOG_LEVEL: 'error', ...settings },
    url: `https://${HOST}:${port}`,
    isReady: async () => (await ask('/readyz')) !== undefined,
  });
  try {
    await centre.start();
    const village = await ask('/v1/villages', { method: 'POST', token: ADMIN_TOKEN, body: { id: 'bench' } });
    const holdsDevice = async (device: string): Promise<boolean> => {
      const path = `/v1/villages/bench/readings?device=${device}&limit=1`;
      return ((await ask(path, { token: ANALYST_TOKEN })) as { items: unknown[] }).items.length > 0;
    };
    const { password } = village as { password: string };
    return await work({ port, certificateFile, password, holdsDevice });
  } finally {
    agent.destroy();
    await centre.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

function askCentre(
  agent: https.Agent,
  port: number,
  path: string,
  { method = 'GET', token, body }: Ask,
): Promise<unknown> {
  const headers = {
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    const request = https.request({ agent, host: '127.0.0.1', servername: HOST, port, path, method, headers });
    request.once('error', reject);
    request.once('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      const { statusCode = 0 } = response;
      if (statusCode >= 300) reject(new Error(`the centre answered ${statusCode} to ${method} ${path}: ${text}`));
      else resolve(JSON.parse(text) as unknown);
    });
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
