import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { allPages, anchorsOf, page, ROOT, relativeLinks } from './markdown.js';

describe('The documentation’s links', () => {
  it('lead to files that are there, and to headings in them', () => {
    const broken: string[] = [];
    for (const from of allPages()) {
      for (const link of relativeLinks(from)) {
        const [target = '', anchor] = link.split('#');
        const file = target === '' ? from.file : path.normalize(path.join(path.dirname(from.file), target));
        if (!existsSync(path.join(ROOT, file))) broken.push(`${from.file}: ${link}`);
        else if (anchor !== undefined && !anchorsOf(page(file)).has(anchor)) broken.push(`${from.file}: ${link}`);
      }
    }
    expect(broken).to.deep.equal([]);
  });

  it('reach every page from the index', () => {
    const linked = new Set(
      relativeLinks(page('docs/README.md')).map((link) => path.join('docs', link.split('#')[0] ?? '')),
    );
    const fromDeployment = relativeLinks(page('docs/deployment.md')).map((link) => path.join('docs', link));
    const pages = allPages().filter(({ file }) => /^docs\/[\w-]+\.md$/.test(file) && file !== 'docs/README.md');
    const missing = pages.filter(({ file }) => !linked.has(file) && !fromDeployment.includes(file));
    expect(missing.map(({ file }) => file)).to.deep.equal([]);
  });
});
