/** The centre of a simulation: `solar-central start` on its embedded store, with tokens of its own. */
import { randomBytes } from 'node:crypto';
import { ProgramClient } from '../shared/http/client.js';
import type { Service } from '../shared/service.js';
import { ProgramProcess, programEntry } from './processes.js';

export interface SimulatedCentreOptions {
  port: number;
  dataPath: string;
  /** Further settings, such as COUCHDB_URL. */
  env?: Record<string, string>;
  /** For Node itself, such as `--cpu-prof`. */
  nodeArgs?: readonly string[];
  readyTimeoutMs?: number;
  /** Told what the program writes to standard error. */
  onStderr?: (text: string) => void;
}

export class SimulatedCentre implements Service {
  readonly name = 'centre';
  readonly port: number;
  readonly url: string;
  readonly analystToken = randomBytes(12).toString('hex');
  readonly adminToken = randomBytes(12).toString('hex');
  /** Asks the centre as an analyst. */
  readonly analyst: ProgramClient;
  readonly process: ProgramProcess;

  constructor({ port, dataPath, env = {}, nodeArgs = [], readyTimeoutMs, onStderr }: SimulatedCentreOptions) {
    const command = [...nodeArgs, programEntry('server'), 'start'];
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.analyst = new ProgramClient({ url: this.url, token: this.analystToken, peer: 'the centre' });
    this.process = new ProgramProcess({
      name: 'the centre',
      entry: command[0] ?? '',
      args: [...command.slice(1), '--central-port', String(port), '--data-path', dataPath],
      env: {
        ADMIN_TOKEN: this.adminToken,
        ANALYST_TOKEN: this.analystToken,
        CENTRAL_HOST: '127.0.0.1',
        LOG_FORMAT: 'json',
        ...env,
      },
      url: this.url,
      ...(readyTimeoutMs === undefined ? {} : { readyTimeoutMs }),
      ...(onStderr ? { onStderr } : {}),
    });
  }

  start(): Promise<void> {
    return this.process.start();
  }

  stop(): Promise<void> {
    return this.process.stop();
  }

  /** Adds a village and returns its credential. */
  async addVillage(id: string): Promise<string> {
    const admin = new ProgramClient({ url: this.url, token: this.adminToken, peer: 'the centre' });
    const { password } = await admin.json<{ password: string }>('/v1/villages', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ id, name: id }),
    });
    return password;
  }
}
