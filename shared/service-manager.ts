/**
 * What systemd is told of a program that it runs as `Type=notify`: ready, still alive, stopping.
 *
 * Its socket is of a kind that Node cannot open, so `systemd-notify`, which is wherever systemd is, does the telling
 * (docs/adr/0028-systemd-watchdog.md). The watchdog is fed only after the program's pulse has been felt: a process whose event loop
 * stands still does not get here, and one whose store does not answer has no pulse. Without systemd nothing happens.
 */
import { spawn } from 'node:child_process';
import { messageOf } from './app-error.js';
import type { Logger } from './logger.js';

export interface ServiceManagerOptions {
  /** Of this process: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`. */
  env: Record<string, string | undefined>;
  log: Logger;
  pid?: number;
  /** Sends assignments such as `READY=1` to the socket in `env`. */
  notify?: (assignments: readonly string[], env: Record<string, string | undefined>) => Promise<void>;
}

/** Resolves when what must answer has answered, an error included; rejects with what stands still. May stay pending. */
export type Pulse = () => Promise<void>;

/** So often within the time that systemd allows between two signs of life. */
const LOOKS_PER_LIMIT = 3;
/** systemd answers within milliseconds, or is itself being restarted. */
const NOTIFY_WITHIN_MS = 10_000;

export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  readonly #isThere: boolean;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #isSilent = false;
  #cannotTell = false;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
    this.#isThere = Boolean(options.env.NOTIFY_SOCKET);
  }

  /** Milliseconds that may pass between two signs of life; undefined where nobody watches this process. */
  get watchdogMs(): number | undefined {
    const { env, pid = process.pid } = this.#options;
    const limitMs = Number(env.WATCHDOG_USEC) / 1000;
    const isMeant = !env.WATCHDOG_PID || env.WATCHDOG_PID === String(pid);
    return this.#isThere && isMeant && limitMs > 0 ? limitMs : undefined;
  }

  /** The program does its work from now on; its pulse is felt from now on, too. */
  async ready(status: string, pulse: Pulse): Promise<void> {
    await this.#tell('READY=1', `STATUS=${status}`);
    const limitMs = this.watchdogMs;
    if (limitMs === undefined) return;
    this.#timer = setInterval(() => void this.#look(pulse), limitMs / LOOKS_PER_LIMIT);
    // Feeding must not be what keeps a program alive.
    this.#timer.unref();
  }

  /** The program is ending in order. */
  async stopping(): Promise<void> {
    clearInterval(this.#timer);
    await this.#tell('STOPPING=1');
  }

  async #look(pulse: Pulse): Promise<void> {
    if (this.#looking) return this.#noteSilence('it has not answered since the last look');
    this.#looking = true;
    try {
      await pulse();
      if (this.#isSilent) this.#options.log.info('the store answers again');
      this.#isSilent = false;
      await this.#tell('WATCHDOG=1');
    } catch (error) {
      this.#noteSilence(messageOf(error));
    } finally {
      this.#looking = false;
    }
  }

  #noteSilence(reason: string): void {
    if (this.#isSilent) return;
    this.#isSilent = true;
    this.#options.log.error('the store stands still; unless that passes, systemd starts this program again', {
      reason,
    });
  }

  async #tell(...assignments: string[]): Promise<void> {
    if (!this.#isThere) return;
    const { env, log, notify = systemdNotify } = this.#options;
    try {
      await notify(assignments, env);
      this.#cannotTell = false;
    } catch (error) {
      if (!this.#cannotTell) log.error(`systemd cannot be told: ${messageOf(error)}`, { assignments });
      this.#cannotTell = true;
    }
  }
}

/** Waits until systemd has read the message: it asks whose it is, which a process that is gone cannot tell. */
function systemdNotify(assignments: readonly string[], env: Record<string, string | undefined>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('systemd-notify', assignments, { env, stdio: 'ignore', timeout: NOTIFY_WITHIN_MS });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`systemd-notify ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}
