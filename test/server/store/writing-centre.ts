/**
 * Run as a process of its own: opens the embedded store in the folder it is given and has three villages write without
 * end, in groups of the sizes it is given, until it is killed. Tells its parent of every group that was acknowledged.
 */
import { EmbeddedStore } from '../../../server/store/embedded-store.js';
import { incoming, readings } from '../support/documents.js';

/** A group whose documents, from number `first` on, are durable. */
export interface Acknowledged {
  village: string;
  first: number;
  count: number;
}

const [folder = '', from = '0', ...sizes] = process.argv.slice(2);
const store = await EmbeddedStore.open(folder);
// Whoever listens to its parent stays until that parent is gone.
process.on('message', () => undefined);

async function writeWithoutEnd(village: string, count: number): Promise<never> {
  for (let first = Number(from); ; first += count) {
    const outcomes = await store.write(readings(village, count, first).map(incoming));
    if (!outcomes.every((outcome) => outcome.ok)) throw new Error('a new document was refused');
    process.send?.({ village, first, count } satisfies Acknowledged);
  }
}

await Promise.all(sizes.map((size, n) => writeWithoutEnd(`village${n}`, Number(size))));
