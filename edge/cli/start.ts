/** `solar-edge start`: the node, until it is told to end. */
import { Command } from 'commander';
import { messageOf } from '../../shared/app-error.js';
import { addSettings, EXIT, settingsOf, untilTerminated } from '../../shared/cli.js';
import { ServiceManager } from '../../shared/service-manager.js';
import { version } from '../../shared/version.js';
import { EDGE_SETTINGS, nodeConfig } from '../config.js';

/** A supervisor gives ten seconds; what is acknowledged is on the disk long before. */
const STOP_WITHIN_MS = 9_500;

export function startCommand(): Command {
  const command = new Command('start').description('run the node of a village');
  return addSettings(command, EDGE_SETTINGS).action(async () => {
    const config = nodeConfig(settingsOf(command, EDGE_SETTINGS));
    const [{ createLogger }, { EdgeNode }] = await Promise.all([
      import('../../shared/logger.js'),
      import('../node.js'),
    ]);
    const log = createLogger({
      level: config.LOG_LEVEL,
      format: config.LOG_FORMAT,
      fields: { program: 'solar-edge', village: config.VILLAGE_ID },
    });
    process.on('uncaughtException', (error) => {
      log.error(`the node ends because of something unforeseen: ${messageOf(error)}`, { stack: error.stack });
      process.exit(EXIT.unfinished);
    });
    const node = new EdgeNode({ config, log });
    const ended = untilTerminated();
    await node.start();
    const centre = config.API_URL ?? 'none: store only';
    log.info(`the node of ${config.VILLAGE_ID} listens at ${node.url}`, {
      version,
      centre,
      data: config.LOCAL_CACHE_PATH,
    });
    const manager = new ServiceManager({ env: process.env, log });
    const pulse = node.pulse((manager.watchdogMs ?? 0) / 2);
    await manager.ready(`the node of ${config.VILLAGE_ID} at ${node.url}`, () => pulse.feel());
    const signal = await ended;
    log.info(`${signal}: the node stops`);
    const overdue = setTimeout(() => {
      log.error('the node did not stop in time; everything acknowledged is on the disk');
      process.exit(EXIT.unfinished);
    }, STOP_WITHIN_MS);
    // Together: nobody waits for systemd to have read that.
    await Promise.all([manager.stopping(), node.stop()]);
    clearTimeout(overdue);
    log.info('the node has stopped');
    process.exitCode = EXIT.ok;
  });
}
