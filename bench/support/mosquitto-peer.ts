/** Peer: a Mosquitto in the village, bridged with QoS 1 to another at the centre, and a subscriber there. */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { freePort } from '../../sim/ports.js';
import type { RunContext } from '../row.js';
import { entryApart, type PublishLoad, type PublishResult } from './apart.js';
import { type BufferPeer, type PeerBuffer, peerCentre } from './buffer-peer.js';
import { Mosquitto, type Saving } from './mosquitto.js';
import { withProgram } from './sqlite-peer.js';
import { runTask } from './task.js';

const FILLING = { connections: 4, inFlight: 250 };
const SINGLE = { connections: 64, inFlight: 1 };

/** With the broker that `command` runs. */
export function mosquittoPeer(command: string): BufferPeer {
  return {
    name: 'mosquitto',
    what: 'Mosquitto, bridge with QoS 1',
    withCentre: (context, work) =>
      withBroker(context, command, 'centre', async (broker) => {
        await broker.start('each-second');
        return withProgram(context, 'mqttCentre', { BROKER_PORT: String(broker.port) }, ({ url }) =>
          work(peerCentre(broker.port, url)),
        );
      }),
    withBuffer: (context, work) =>
      withBroker(context, command, 'village', async (broker, folder) => {
        // Nobody listens there: from the first message on the bridge has a queue.
        const bridge = { saving: 'each-second' as const, bridgePort: await freePort() };
        await broker.start(bridge.saving, bridge.bridgePort);
        return work(bufferOn(context, broker, folder, bridge));
      }),
  };
}

interface Bridge {
  saving: Saving;
  bridgePort: number;
}

/**
 * It saves once a second while many readings come at a time or go out, and at each change for readings taken one by one:
 * the safest it can be, which with many at a time would take it days.
 */
function bufferOn(context: RunContext, broker: Mosquitto, folder: string, initial: Bridge): PeerBuffer {
  let bridge = initial;
  const publish = async (load: Omit<PublishLoad, 'port'>): Promise<number> => {
    const { elapsedMs } = await runTask<PublishLoad, PublishResult>(
      entryApart('mqttPublish'),
      { port: broker.port, ...load },
      context.signal,
    );
    return (load.readings / elapsedMs) * 1000;
  };
  /** What it is configured to do it reads when it starts; ended in order, it has written all it holds. */
  const configure = async (wanted: Bridge): Promise<void> => {
    await broker.end('SIGTERM');
    bridge = wanted;
    await broker.start(bridge.saving, bridge.bridgePort);
  };
  return {
    folder,
    pid: () => broker.pid(),
    fill: (from, readings) => publish({ from, readings, ...FILLING }),
    single: async (from, readings) => {
      await configure({ ...bridge, saving: 'each-change' });
      return publish({ from, readings, ...SINGLE });
    },
    postOne: async (device) => {
      await publish({ from: 0, readings: 1, device, connections: 1, inFlight: 1 });
    },
    sendTo: (bridgePort) => configure({ saving: 'each-second', bridgePort }),
    killAndStart: async () => {
      await broker.end('SIGKILL');
      const startMs = performance.now();
      await broker.start(bridge.saving, bridge.bridgePort);
      return (performance.now() - startMs) / 1000;
    },
  };
}

async function withBroker<T>(
  { folder: parent }: RunContext,
  command: string,
  name: string,
  work: (broker: Mosquitto, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(parent, `mosquitto-${name}-`));
  const broker = new Mosquitto({ command, folder, port: await freePort() });
  try {
    const result = await work(broker, folder);
    broker.pid();
    return result;
  } finally {
    await broker.end('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}
