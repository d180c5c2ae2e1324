/**
 * The modules that functions of a profile were written in: the programs are built into a few files, and the source maps
 * beside these tell where each function came from. A function of a file without a map keeps the file.
 */
import { readFile } from 'node:fs/promises';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';
import { readFileIfPresent } from '../../shared/durable-file.js';
import { type CpuProfile, parseProfile } from './components.js';

/** Reads a profile; throws where the file is none. */
export async function readProfile(file: string): Promise<CpuProfile> {
  const profile = parseProfile(await readFile(file, 'utf8'));
  const urls = new Set(profile.nodes.map(({ callFrame }) => callFrame.url).filter((url) => url.startsWith('file:')));
  const maps = new Map<string, SourceMap>();
  for (const url of urls) {
    const text = await readFileIfPresent(`${fileURLToPath(url)}.map`);
    if (text !== undefined) maps.set(url, new SourceMap(JSON.parse(text)));
  }
  return { ...profile, nodes: profile.nodes.map((node) => ({ ...node, callFrame: located(node.callFrame, maps) })) };
}

type Frame = CpuProfile['nodes'][number]['callFrame'];

/** The frame with the URL of the module it was written in. */
function located(frame: Frame, maps: ReadonlyMap<string, SourceMap>): Frame {
  const entry = maps.get(frame.url)?.findEntry(frame.lineNumber ?? 0, frame.columnNumber ?? 0);
  if (!entry || !('originalSource' in entry)) return frame;
  return { ...frame, url: new URL(entry.originalSource, frame.url).href };
}
