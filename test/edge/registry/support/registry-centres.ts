/** What a village's registry can be synchronised with: a gateway on either store, or a plain CouchDB. */
import { couchdbFetch, couchdbUrl, deleteDatabase } from '../../../support/couchdb.js';
import { GatewayCentre } from '../../push/support/centres.js';

export interface RegistryTestCentre {
  /** Where the village reaches it, and as who. */
  access: { url: string; user: string; password: string };
  /** Loses the village's registry, and is as if it had just been set up. */
  wipe(): Promise<void>;
  stop(): Promise<void>;
}

export interface RegistryCentreKind {
  title: string;
  canBeWiped: boolean;
  start(village: string): Promise<RegistryTestCentre>;
}

async function startGateway(village: string, kind: 'embedded' | 'couchdb'): Promise<RegistryTestCentre> {
  const centre = await GatewayCentre.start(kind);
  const { CENTRAL_PASSWORD: password = '' } = await centre.settingsFor(village);
  return {
    access: { url: centre.url, user: village, password },
    wipe: () => centre.wipeRegistries(),
    stop: () => centre.stop(),
  };
}

async function startPlain(village: string): Promise<RegistryTestCentre> {
  const couchdb = couchdbUrl();
  if (!couchdb) throw new Error('COUCHDB_URL is not set');
  const name = `registry-${village}`;
  const create = async () => {
    const { status } = await couchdbFetch(couchdb, `/${name}`, { method: 'PUT' });
    if (status !== 201) throw new Error(`CouchDB answered ${status} when asked for a database`);
  };
  await create();
  return {
    access: couchdb,
    async wipe() {
      await deleteDatabase(couchdb, name);
      await create();
    },
    stop: () => deleteDatabase(couchdb, name),
  };
}

/** Every kind this run can test; those on CouchDB only where COUCHDB_URL names one. */
export const REGISTRY_CENTRES: readonly RegistryCentreKind[] = [
  { title: 'a gateway', canBeWiped: true, start: (village) => startGateway(village, 'embedded') },
  ...(couchdbUrl()
    ? [
        {
          title: 'a gateway on CouchDB',
          canBeWiped: false,
          start: (village: string) => startGateway(village, 'couchdb'),
        },
        { title: 'a plain CouchDB', canBeWiped: true, start: startPlain },
      ]
    : []),
];
