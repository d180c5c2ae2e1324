/** What every part of the node's page works with. */
import type { Page } from '../../shared/dashboard/page.js';
import type { WordKey } from './words/en.js';

export type EdgePage = Page<WordKey>;
