import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type CpuProfile, componentsOf } from '../../bench/profile/components.js';
import { profilesText, summariseProfiles } from '../../bench/profile-summary.js';
import { useTempFolder } from '../support/temp-folder.js';

/** Each frame is called by the one before it; each has one sample of so many milliseconds. */
function profileOf(...frames: [functionName: string, url: string, milliseconds: number][]): CpuProfile {
  const nodes = frames.map(([functionName, url], i) => ({
    ...{ id: i + 1, callFrame: { functionName, url } },
    children: i + 1 < frames.length ? [i + 2] : [],
  }));
  const deltas = frames.map(([, , milliseconds]) => milliseconds * 1000);
  return { nodes, samples: [...nodes.map(({ id }) => id), 1], timeDeltas: [0, ...deltas] };
}

const sharesOf = (profile: CpuProfile): [string, number][] =>
  componentsOf([profile]).map(({ name, share }) => [name, Math.round(share * 100)]);

describe('where the time of a profile went', () => {
  it('is told by module and package, of Node too, with the largest first', () => {
    const profile = profileOf(
      ['(root)', '', 0],
      ['drain', 'file:///srv/dist/edge/push/drain.js', 30],
      ['batch', 'file:///srv/node_modules/sublevel-pouchdb/lib/index.js', 20],
      ['bulkDocs', 'file:///srv/node_modules/pouchdb-core/lib/index.js', 25],
      ['write', 'node:internal/streams/writable', 15],
      ['brotli', 'node:zlib', 10],
    );
    expect(sharesOf(profile)).to.deep.equal([
      ['ours: edge/push', 30],
      ['PouchDB', 25],
      ['LevelDB (leveldown and its wrappers)', 20],
      ['Node: streams and sockets', 15],
      ['Node: zlib', 10],
    ]);
  });

  it('counts a built-in function for its caller, and waiting not at all', () => {
    const profile = profileOf(
      ['parse', 'file:///srv/dist/shared/json.js', 40],
      ['sort', '', 40],
      ['(garbage collector)', '', 20],
      ['(idle)', '', 900],
    );
    expect(sharesOf(profile)).to.deep.equal([
      ['ours: shared', 80],
      ['garbage collection', 20],
    ]);
  });

  it('adds up to all of it, the small ones together', () => {
    const profile = profileOf(
      ['a', 'file:///srv/dist/edge/node.js', 990],
      ['b', 'file:///srv/node_modules/nano/lib/nano.js', 6],
      ['c', 'file:///srv/node_modules/zod/index.js', 4],
    );
    const components = componentsOf([profile, profile]);
    expect(components.map(({ name }) => name)).to.deep.equal(['ours: edge', 'other']);
    expect(components.reduce((sum, { seconds }) => sum + seconds, 0)).to.be.closeTo(2, 1e-9);
  });

  describe('in a folder', () => {
    const folder = useTempFolder();

    it('is told by the modules that a built file was made of', async () => {
      const built = path.join(folder.path, 'program.js');
      // Two functions at the beginnings of lines 1 and 2 of the built file.
      const map = { version: 3, names: [], sources: ['../edge/push/drain.ts', '../node_modules/nano/lib/nano.js'] };
      await writeFile(`${built}.map`, JSON.stringify({ ...map, mappings: 'AAAA;ACAA' }));
      const profile = profileOf(['a', pathToFileURL(built).href, 30], ['b', pathToFileURL(built).href, 10]);
      const nodes = profile.nodes.map((node, lineNumber) => ({
        ...{ ...node, callFrame: { ...node.callFrame, lineNumber, columnNumber: 0 } },
      }));
      await writeFile(path.join(folder.path, 'one.cpuprofile'), JSON.stringify({ ...profile, nodes }));
      const [summary] = await summariseProfiles(folder.path);
      expect(summary?.components.map(({ name }) => name)).to.deep.equal(['ours: edge/push', 'package nano']);
      expect(summary?.functions.map(({ name }) => name)).to.deep.equal(['a (edge/push/drain)', 'b (nano/lib/nano)']);
    });

    it('is told for each subfolder, and what is no profile is named', async () => {
      const profile = JSON.stringify(profileOf(['a', 'file:///srv/dist/server/central.js', 10]));
      await mkdir(path.join(folder.path, 'drain', 'centre'), { recursive: true });
      await writeFile(path.join(folder.path, 'drain', 'centre', 'one.cpuprofile'), profile);
      await writeFile(path.join(folder.path, 'drain', 'centre', 'two.cpuprofile'), profile);
      const summaries = await summariseProfiles(folder.path);
      expect(summaries.map(({ name }) => name)).to.deep.equal(['drain/centre']);
      expect(profilesText(summaries)).to.match(/ours: server +0\.02 +100\.0 %/);
      await writeFile(path.join(folder.path, 'bad.cpuprofile'), '{}');
      const refused = await summariseProfiles(folder.path).catch(String);
      expect(refused).to.match(/bad\.cpuprofile is no CPU profile/);
    });
  });
});
