/** Nothing answered a page's request at all. */
export class NoAnswer extends Error {}
