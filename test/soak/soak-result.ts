/** What a soak has found; `--json` writes it as it is. */

import type { Look } from './watch.js';
import type { WearFigures } from './wear.js';

export interface SoakResult {
  seed: number;
  minutes: number;
  /** Accelerated days, and how many times as fast they went by. */
  days: number;
  speed: number;
  retentionDays: number;
  /** In sentences; none: everything holds. */
  problems: string[];
  /** Different documents acknowledged; documents at the centre, the node's own events among them. */
  acknowledged: number;
  held: number;
  /** Names of the node, the highest number of each, and how many of them are void. */
  nodes: { node: string; highest: number; void: number }[];
  /** Of the node's own schedule, those that succeeded. */
  forcedRuns: number;
  segmentsDeleted: number;
  /** Of the registry, acknowledged at each side. */
  edits: { edge: number; centre: number };
  /** Requests of meters that were made again. */
  retries: number;
  wear: WearFigures;
  looks: Look[];
}
