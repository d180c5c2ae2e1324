/**
 * The id under which a village's `_local` document is kept: no village can name another's, since a village's id holds
 * no `:`, and the encoded name holds nothing that a path or a key could stumble over.
 */
export function localDocumentId(village: string, name: string): string {
  return `_local/${village}:${encodeURIComponent(name)}`;
}
