/** The buffers that ours is held against, as far as this machine has what they are made of. */
import type { RunContext } from '../row.js';
import { areApartBuilt } from './apart.js';
import type { BufferPeer } from './buffer-peer.js';
import { findMosquitto } from './mosquitto.js';
import { mosquittoPeer } from './mosquitto-peer.js';
import { sqlitePeer } from './sqlite-peer.js';

/** Those that can be measured here; of the others the reason is said. */
export async function bufferPeers({ say }: RunContext, row: string): Promise<BufferPeer[]> {
  if (!areApartBuilt()) {
    say(`${row}: SQLite and Mosquitto are not measured, their programs are not built (npm run bench builds them)`);
    return [];
  }
  const command = await findMosquitto();
  if (command !== undefined) return [sqlitePeer, mosquittoPeer(command)];
  say(`${row}: Mosquitto is not measured, it is not installed (Debian: apt-get install mosquitto)`);
  return [sqlitePeer];
}
