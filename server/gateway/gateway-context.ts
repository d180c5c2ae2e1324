/** What the replication endpoints work with. */
import type { Logger } from '../../shared/logger.js';
import type { CentralStore } from '../store/contract.js';
import type { ContactLog } from './contact-log.js';

export interface GatewayContext {
  /** Throws `unavailable` while there is none. */
  store(): CentralStore;
  contacts: ContactLog;
  log: Logger;
}
