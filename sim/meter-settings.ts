/** The settings of the simulated meters that post to a node elsewhere (`meters-main.ts`). */
import { decimal, integer, origin, secret, text } from '../shared/setting-schemas.js';
import type { Settings } from '../shared/settings.js';

export const METER_SETTINGS = {
  NODE_URL: { schema: origin, default: 'http://127.0.0.1:8080', help: 'origin of the node' },
  EDGE_TOKEN: { schema: secret, help: 'bearer token of the node', secret: true },
  VILLAGE_ID: { schema: text, default: 'trial', help: 'the meters of one village are always the same' },
  METERS: { schema: integer(1, 2_000), default: '40', help: 'customer meters' },
  UTC_OFFSET_HOURS: { schema: decimal(-12, 14), default: '1', help: 'local time, by which people cook and sleep' },
} as const satisfies Settings;
