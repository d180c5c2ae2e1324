/**
 * Reads what a program writes to standard error: how often each warning comes in a day, and what must never be said.
 *
 * Invariants: a line that is no log line counts as something that must not be (a stack trace, say); a line cut by a kill
 * does not.
 */
import { appendFileSync } from 'node:fs';

/** What no link, disk, clock or kill explains. */
const NEVER = [
  /went wrong|unexpectedly|unforeseen|failed in this node/,
  /damaged|cannot be proven|under a new node name|given up before/,
  /no longer holds|does not hold|made anew|set back/,
  /will not arrive|cannot be read any more/,
];

/** A message this often in a day is a storm: several an hour, which nobody reads any more. */
export const STORM_PER_DAY = 60;
const MAX_PROBLEMS = 10;

export class LogWatch {
  readonly #program: string;
  readonly #counts = new Map<string, number>();
  readonly #problems: string[] = [];
  readonly #totals = new Map<string, number>();
  #rest = '';
  #warnings = 0;

  readonly #file: string | undefined;

  /** `file`: also gets all that is written. */
  constructor(program: string, file?: string) {
    this.#program = program;
    this.#file = file;
  }

  /** Warnings and errors since the day began. */
  get warnings(): number {
    return this.#warnings;
  }

  get problems(): readonly string[] {
    return this.#problems;
  }

  /** How often each warning or error came since the day began, the most frequent first. */
  get counts(): [string, number][] {
    return [...this.#counts].sort(([, a], [, b]) => b - a);
  }

  /** How often this was logged since the soak began, at any level. */
  total(message: string): number {
    return this.#totals.get(message) ?? 0;
  }

  write(text: string): void {
    if (this.#file !== undefined) appendFileSync(this.#file, text);
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#take(line);
  }

  /** The program was killed, perhaps within a line. */
  cutOff(): void {
    this.#rest = '';
  }

  newDay(): void {
    this.#counts.clear();
    this.#warnings = 0;
  }

  #take(line: string): void {
    if (line.trim() === '') return;
    const entry = parse(line);
    if (!entry) {
      this.#problem(`wrote a line that is no log line: ${line.slice(0, 200)}`);
      return;
    }
    this.#totals.set(entry.message, this.total(entry.message) + 1);
    if (entry.level !== 'warn' && entry.level !== 'error') return;
    this.#warnings++;
    // The same news with other figures.
    const message = entry.message.replaceAll(/\d+/g, 'N');
    const count = (this.#counts.get(message) ?? 0) + 1;
    this.#counts.set(message, count);
    if (NEVER.some((pattern) => pattern.test(message))) this.#problem(`logged: ${line.slice(0, 400)}`);
    if (count === STORM_PER_DAY + 1) this.#problem(`logged more than ${STORM_PER_DAY} times in a day: ${message}`);
  }

  #problem(text: string): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(`${this.#program} ${text}`);
  }
}

function parse(line: string): { level: string; message: string } | undefined {
  try {
    const entry = JSON.parse(line) as { level?: unknown; message?: unknown };
    return typeof entry.level === 'string' && typeof entry.message === 'string'
      ? { level: entry.level, message: entry.message }
      : undefined;
  } catch {
    return undefined;
  }
}
