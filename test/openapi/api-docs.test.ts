import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { apiMarkdown } from './api-markdown.js';

describe('docs/api.md', () => {
  it('says what the OpenAPI documents say (else: npm run docs:api)', async () => {
    const written = await readFile(new URL('../../../docs/api.md', import.meta.url), 'utf8');
    expect(written === apiMarkdown(), 'docs/api.md is out of date: run npm run docs:api').to.equal(true);
  });

  it('has links that lead somewhere', () => {
    const text = apiMarkdown();
    const anchors = new Set([...text.matchAll(/<a id="([^"]+)">/g)].map(([, anchor]) => anchor));
    const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
    expect(links.length).to.be.at.least(50);
    expect(links.filter((anchor) => !anchors.has(anchor))).to.deep.equal([]);
  });
});
