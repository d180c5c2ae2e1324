/** What the registry's routes at the centre work with. */
import type { AnalystContext } from '../analyst/analyst-context.js';
import type { RegistryNotes } from './registry-notes.js';
import type { VillageRegistries } from './village-registries.js';

export interface RegistryContext extends AnalystContext {
  registries: VillageRegistries;
  notes: RegistryNotes;
}
