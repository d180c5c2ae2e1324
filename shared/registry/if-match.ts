/** Which revision an edit builds on, as HTTP says it: `If-Match` (RFC 9110, 13.1.1). */
import { AppError } from '../app-error.js';

/**
 * Throws `precondition_required` where a document is there and the request does not say which revision of it it means,
 * and `precondition_failed` where it means another one. `what` names the document in the sentence.
 */
export function assertMatch(what: string, rev: string | undefined, ifMatch: string | undefined): void {
  if (ifMatch === undefined) {
    if (rev === undefined) return;
    const message = `${what} exists: name the revision the edit is based on in If-Match, as its ETag gives it`;
    throw new AppError('precondition_required', message);
  }
  if (rev === undefined) throw new AppError('precondition_failed', `${what} does not exist, whatever If-Match says`);
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (tags.includes('*') || tags.includes(rev) || tags.includes(`"${rev}"`)) return;
  throw new AppError(
    'precondition_failed',
    `${what} was changed meanwhile: its revision is ${rev}, not ${shortened(ifMatch)}`,
  );
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
