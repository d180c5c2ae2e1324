/** Two edits of one document, at a stopped node and at a copy of its registry, of which neither knows of the other. */
import { EdgeRegistry } from '../../../edge/registry/edge-registry.js';
import { silentLogger } from '../../../shared/logger.js';
import { PouchLeaves } from '../../../shared/registry/pouchdb-leaves.js';
import { systemClock } from '../../../shared/time.js';
import { createTempFolder, removeFolder } from '../../support/temp-folder.js';

export interface EditsApart {
  type: string;
  id: string;
  /** What the document becomes at the node, by `village:kano`; undefined deletes it. */
  here: object | undefined;
  /** The same at the copy, by `amina`. */
  there: object | undefined;
}

/** Leaves the node's registry with both edits, as replication would. */
export async function editApart(folder: string, { type, id, here, there }: EditsApart): Promise<void> {
  const copyFolder = await createTempFolder();
  const node = await openRegistry(folder);
  const copy = await openRegistry(copyFolder);
  try {
    await replicate(node, copy, `${type}:${id}`);
    await edit(node, type, id, here, 'village:kano');
    await edit(copy, type, id, there, 'amina');
    await replicate(copy, node, `${type}:${id}`);
    await node.registry.tend();
  } finally {
    await node.close();
    await copy.close();
    await removeFolder(copyFolder);
  }
}

function openRegistry(folder: string): Promise<EdgeRegistry> {
  return EdgeRegistry.open({ folder, clock: systemClock, log: silentLogger() });
}

async function edit({ registry }: EdgeRegistry, type: string, id: string, body: object | undefined, author: string) {
  const seen = await registry.get(type, id);
  const by = { author, ifMatch: `"${seen?._rev}"` };
  if (body) await registry.put(type, id, body, by);
  else await registry.remove(type, id, by);
}

async function replicate(from: EdgeRegistry, to: EdgeRegistry, name: string): Promise<void> {
  const leaves = await new PouchLeaves(from.database).leaves(name);
  const grafted = leaves.map(({ rev, ...leaf }) => ({ id: name, generation: Number(rev.split('-')[0]), ...leaf }));
  await new PouchLeaves(to.database).graft(grafted);
}
