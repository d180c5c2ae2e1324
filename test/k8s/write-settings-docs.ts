/** Writes `docs/settings.md` anew: `npm run build && node dist/test/k8s/write-settings-docs.js`. */
import { writeFile } from 'node:fs/promises';
import { SETTINGS_FILE, settingsMarkdown } from './settings-markdown.js';

await writeFile(SETTINGS_FILE, settingsMarkdown());
