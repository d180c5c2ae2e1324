/** The fleet's page in each language. */
import { type Dictionaries, unbroken } from '../../../../shared/dashboard/words.js';
import { EN, type WordKey } from './en.js';
import { FR } from './fr.js';

export const DICTIONARIES: Dictionaries<WordKey> = { en: EN, fr: unbroken(FR) };
