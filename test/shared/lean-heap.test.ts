import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const MODULE = new URL('../../shared/lean-heap.js', import.meta.url).href;

/** MiB of the young generation of a process that makes much that lives a while. */
function youngMib(before: string): number {
  const script = `${before}
    const { getHeapSpaceStatistics } = await import('node:v8');
    for (let round = 0; round < 40; round++) {
      const living = Array.from({ length: 100_000 }, (_, n) => ({ n }));
      await new Promise((resolve) => setImmediate(resolve, living));
    }
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
    process.stdout.write(String(young.space_size / 1024 / 1024));`;
  const args = ['--input-type=module', '--eval', script];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 }));
}

describe('a lean heap', () => {
  it('has a young generation of 16 MiB, where V8 would take more', () => {
    expect(youngMib(`const { keepHeapLean } = await import('${MODULE}'); keepHeapLean();`)).to.be.within(8, 16);
    expect(youngMib('')).to.be.above(16);
  });
});
