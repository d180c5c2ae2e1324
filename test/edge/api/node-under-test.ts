/** A whole node in the test's own process: real store in a folder, real REST endpoint on a free port. */

import { afterEach } from 'mocha';
import { EDGE_SETTINGS, type NodeConfig, nodeConfig } from '../../../edge/config.js';
import { EdgeNode } from '../../../edge/node.js';
import { silentLogger } from '../../../shared/logger.js';
import { loadSettings } from '../../../shared/settings.js';
import { type Clock, systemClock } from '../../../shared/time.js';

/** The sizes of segments every promise is kept with: one that is never reached here, and forced rolls. */
export const SEGMENT_SIZES = ['200000', '7'] as const;

/** Settings of the node of village `kano`; those given come as environment variables would. */
export function testConfig(folder: string, settings: Record<string, string> = {}): NodeConfig {
  const defaults = {
    VILLAGE_ID: 'kano',
    LOCAL_CACHE_PATH: folder,
    EDGE_PORT: '0',
    SYNC_SCHEDULE: 'off',
    MIN_FREE_MB: '0',
  };
  return nodeConfig(loadSettings(EDGE_SETTINGS, { flags: {}, env: { ...defaults, ...settings } }));
}

/** Starts a node over a folder; whoever starts it stops it. */
export async function startNode(
  folder: string,
  settings: Record<string, string> = {},
  clock: Clock = systemClock,
): Promise<EdgeNode> {
  const node = new EdgeNode({ config: testConfig(folder, settings), log: silentLogger(), clock });
  await node.start();
  return node;
}

export interface Nodes {
  /** Starts a node over a folder; it is stopped after the test if it has not been before. */
  start: typeof startNode;
}

/** Inside a `describe`, before `useTempFolder`: starts nodes and stops them after each test. */
export function useNodes(): Nodes {
  const running: EdgeNode[] = [];
  afterEach(async () => {
    for (const node of running.splice(0)) await node.stop();
  });
  return {
    async start(...options) {
      const node = await startNode(...options);
      running.push(node);
      return node;
    },
  };
}
