/** Segments made by hand in a folder of the test's own. */
import { afterEach, beforeEach } from 'mocha';
import { OpenDatabases } from '../../../edge/ledger/open-databases.js';
import { Segment } from '../../../edge/ledger/segment.js';
import type { SegmentRecord } from '../../../edge/ledger/segment-record.js';
import { createTempFolder, removeFolder } from '../../support/temp-folder.js';
import { NODE, readings } from './segment-documents.js';

export const NOW = '2026-03-02T00:00:00.000Z';

export interface SegmentShop {
  /** Where the segments' folders are. */
  readonly root: string;
  databases: OpenDatabases;
  /** Makes a segment that holds `documents` readings. */
  make(documents: number, record?: Partial<SegmentRecord>): Promise<Segment>;
}

/** Inside a `describe`: everything is closed and removed after each test. */
export function useSegments(): SegmentShop {
  let root = '';
  const shop: SegmentShop = {
    get root() {
      return root;
    },
    databases: new OpenDatabases(),
    async make(documents, record = {}) {
      const whole = { number: 1, node: NODE, firstSeq: 1, openedAt: NOW, ...record };
      const segment = await Segment.create(shop.databases, root, whole);
      await write(segment, documents);
      return segment;
    },
  };
  beforeEach(async () => {
    root = await createTempFolder();
    shop.databases = new OpenDatabases();
  });
  afterEach(async () => {
    await shop.databases.closeAll();
    await removeFolder(root);
  });
  return shop;
}

/** Stores and acknowledges so many more readings. */
export async function write(segment: Segment, documents: number): Promise<void> {
  if (documents === 0) return;
  const { lastSeq, node } = segment;
  await segment.write(readings(lastSeq + 1, lastSeq + documents, { node }));
  segment.acknowledge(documents);
}
