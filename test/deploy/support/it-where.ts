/** Tests that need a tool of the machine: where it is not there, what stands in their place says so. */
import { type AsyncFunc, type Func, it } from 'mocha';

/** `missing`: why it cannot run here, such as `strace is not installed`; undefined where it can. */
export function itWhere(missing: string | undefined, title: string, test: Func | AsyncFunc): void {
  if (missing === undefined) it(title, test as Func);
  else it(`${title} (skipped: ${missing})`);
}
