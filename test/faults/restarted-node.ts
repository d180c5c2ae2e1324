/**
 * A node started on a folder that something was done to: as the real program, or, ten times as fast, in the test's own
 * process. Both have the real store and the real REST endpoint.
 */
import type { EdgeNode } from '../../edge/node.js';
import type { ProgramProcess } from '../../sim/processes.js';
import { startNode } from '../edge/api/node-under-test.js';
import { edgeProgram } from '../support/programs.js';

export class RestartedNode {
  readonly folder: string;
  readonly #settings: Record<string, string>;
  readonly #isProgram: boolean;
  #program: ProgramProcess | undefined;
  #node: EdgeNode | undefined;

  constructor(folder: string, settings: Record<string, string>, { isProgram }: { isProgram: boolean }) {
    this.folder = folder;
    this.#settings = settings;
    this.#isProgram = isProgram;
  }

  get url(): string {
    const running = this.#program ?? this.#node;
    if (!running) throw new Error('the node is not started');
    return running.url;
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    if (!this.#isProgram) {
      this.#node = await startNode(this.folder, this.#settings);
      return;
    }
    this.#program = await edgeProgram({ villageId: 'kano', dataPath: this.folder, env: this.#settings });
    await this.#program.start();
  }

  /** Stops it as a person would; what was wrong with its end. */
  async stop(): Promise<string[]> {
    await this.#node?.stop();
    this.#node = undefined;
    const program = this.#program;
    this.#program = undefined;
    if (!program) return [];
    const { code, signal } = await program.terminate();
    return code === 0 ? [] : [`the node ended with ${signal ?? code}: ${program.stderrTail}`];
  }

  /** Makes sure that it is gone. */
  async kill(): Promise<void> {
    await this.#program?.kill('SIGKILL');
    this.#program = undefined;
    await this.#node?.stop();
    this.#node = undefined;
  }
}
