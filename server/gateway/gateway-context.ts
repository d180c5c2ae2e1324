/** What the replication endpoints work with. */
import type { Logger } from '../../shared/logger.js';
import type { Clock } from '../../shared/time.js';
import type { RegistryNotes } from '../registry/registry-notes.js';
import type { CentralStore } from '../store/contract.js';
import type { Admission } from './admission.js';
import type { ContactLog } from './contact-log.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import type { RegistryWaits } from './registry-waits.js';
import type { VillageAllowance } from './village-allowance.js';
import type { VillageDirectory } from './village-directory.js';

export interface GatewayContext {
  /** Throws `unavailable` while there is none. */
  store(): CentralStore;
  directory: VillageDirectory;
  contacts: ContactLog;
  admission: Admission;
  allowance: VillageAllowance;
  metrics: GatewayMetrics;
  waits: RegistryWaits;
  notes: RegistryNotes;
  clock: Clock;
  log: Logger;
}
