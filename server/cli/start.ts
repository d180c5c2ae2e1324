/** `solar-central start`: runs the centre until it is asked to end. */
import type { Command } from 'commander';
import { addSettings, EXIT, settingsOf, untilTerminated } from '../../shared/cli.js';
import { limitOldGeneration } from '../../shared/lean-heap.js';
import { ServiceManager } from '../../shared/service-manager.js';
import { version } from '../../shared/version.js';
import { configOf, SERVER_SETTINGS } from '../config.js';

/**
 * How much the heap may grow between two collections. V8's own choice doubles it and more on a machine with much memory,
 * for the sake of garbage that bodies leave behind.
 */
const HEAP_GROWING_PERCENT = 30;

export function addStart(program: Command): void {
  const command = program.command('start').description('run the centre');
  addSettings(command, SERVER_SETTINGS).action(async () => {
    const settings = settingsOf(command, SERVER_SETTINGS);
    const config = configOf(settings);
    limitOldGeneration(HEAP_GROWING_PERCENT);
    const [{ createLogger }, { Central }] = await Promise.all([
      import('../../shared/logger.js'),
      import('../central.js'),
    ]);
    const log = createLogger({
      level: settings.LOG_LEVEL,
      format: settings.LOG_FORMAT,
      fields: { program: 'solar-central' },
    });
    const central = new Central({ config, log });
    // From here on a signal ends the centre in order, also one that comes while it starts.
    const terminated = untilTerminated();
    await central.start();
    const store = config.couch ? `CouchDB at ${config.couch.url}` : `embedded in ${config.dataPath}`;
    log.info(`the centre listens at ${central.url}`, { url: central.url, version, store });
    const manager = new ServiceManager({ env: process.env, log });
    await manager.ready(`the centre at ${central.url}`, () => central.pulse());
    const signal = await terminated;
    log.info('the centre is stopping', { signal });
    await Promise.all([manager.stopping(), central.stop()]);
    log.info('the centre has stopped');
    process.exitCode = EXIT.ok;
  });
}
