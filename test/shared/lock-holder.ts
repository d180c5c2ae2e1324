/**
 * Run as a process of its own: opens the database in the folder it is given, says so, and keeps it until it is ended.
 */
import { messageOf } from '../../shared/app-error.js';
import { openDatabase } from '../../shared/pouchdb.js';

try {
  await openDatabase(String(process.argv[2]));
  // Whoever listens to its parent stays until that parent is gone.
  process.on('message', () => undefined);
  process.send?.('open');
} catch (error) {
  process.send?.(messageOf(error));
}
