/** `npm run docs:api`: writes `docs/api.md`. */
import { writeFile } from 'node:fs/promises';
import { apiMarkdown } from './api-markdown.js';

await writeFile(new URL('../../../docs/api.md', import.meta.url), apiMarkdown());
