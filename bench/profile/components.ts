/**
 * V8 CPU profiles (`node --cpu-prof`) as shares of components: the time samples were taken in a function itself, by the
 * module or package the function is of.
 *
 * What has no module (built-in functions, native bindings) counts for its nearest caller that has one, but for the few
 * natives named here. Waiting is left out. Threads of LevelDB and zlib are in no CPU profile.
 */
import { z } from 'zod';

export interface ComponentShare {
  name: string;
  seconds: number;
  /** Of all but waiting, 0 to 1. */
  share: number;
}

/** A function's own share of what the components share. */
export interface FunctionShare {
  /** Name and module, such as `contentRevision (shared/revision)`. */
  name: string;
  share: number;
}

const frameSchema = z.object({
  ...{ functionName: z.string(), url: z.string() },
  /** From 0; where the function begins. */
  ...{ lineNumber: z.number().optional(), columnNumber: z.number().optional() },
});
const profileSchema = z.object({
  nodes: z.array(z.object({ id: z.number(), callFrame: frameSchema, children: z.array(z.number()).optional() })),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});
export type CpuProfile = z.infer<typeof profileSchema>;
type ProfileNode = CpuProfile['nodes'][number];

/** A module of ours, compiled or not: the program and the folder in it, and the module without what comes before. */
const OURS =
  /^(?!.*\/node_modules\/).*\/(?<module>(?<folder>(?:edge|server|shared|sim|bench)(?:\/[^/]+(?=\/))?)(?:\/[^/]+)*)\.[cm]?[jt]s$/;
const GARBAGE = 'garbage collection';
const OUTSIDE = 'outside JavaScript (system calls, native code)';
const START = 'start: modules being loaded';
const OTHER = 'other';

/** Throws a ZodError when the text is no CPU profile. */
export function parseProfile(text: string): CpuProfile {
  return profileSchema.parse(JSON.parse(text));
}

/** Of several profiles of the same program together, the largest first; what is below `leastShare` is put together. */
export function componentsOf(profiles: readonly CpuProfile[], leastShare = 0.01): ComponentShare[] {
  const microseconds = new Map<string, number>();
  for (const profile of profiles) addSelfTimes(profile, microseconds);
  const total = [...microseconds.values()].reduce((sum, value) => sum + value, 0);
  const shares = [...microseconds]
    .filter(([, value]) => value > 0)
    .map(([name, value]) => ({ name, seconds: value / 1e6, share: value / total }));
  const large = shares.filter(({ share, name }) => share >= leastShare && name !== OTHER);
  const rest = shares.filter((one) => !large.includes(one));
  const sorted = large.sort((a, b) => b.seconds - a.seconds);
  return rest.length === 0 ? sorted : [...sorted, { name: OTHER, ...sumOf(rest) }];
}

/** The functions of ours and of packages that most time was spent in themselves; built-in ones count for their caller. */
export function largestFunctions(profiles: readonly CpuProfile[], count: number): FunctionShare[] {
  const microseconds = new Map<string, number>();
  for (const profile of profiles) addSelfTimes(profile, microseconds, functionOf);
  const total = [...microseconds.values()].reduce((sum, value) => sum + value, 0);
  const shares = [...microseconds].map(([name, value]) => ({ name, share: value / total }));
  return shares
    .filter(({ name }) => name.endsWith(')') && name !== OUTSIDE)
    .sort((a, b) => b.share - a.share)
    .slice(0, count);
}

type Naming = (node: ProfileNode, parents: ReadonlyMap<number, ProfileNode>) => string | undefined;

function addSelfTimes(
  { nodes, samples, timeDeltas }: CpuProfile,
  microseconds: Map<string, number>,
  nameOf: Naming = componentOf,
): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)));
  const componentById = new Map(nodes.map((node) => [node.id, nameOf(node, parents)]));
  samples.forEach((id, i) => {
    const component = byId.has(id) ? componentById.get(id) : undefined;
    if (component === undefined) return;
    // A sample stands for the time until the next one.
    microseconds.set(component, (microseconds.get(component) ?? 0) + Math.max(0, timeDeltas[i + 1] ?? 0));
  });
}

/** Undefined for waiting. */
function componentOf(node: ProfileNode, parents: ReadonlyMap<number, ProfileNode>): string | undefined {
  const { functionName, url } = node.callFrame;
  if (functionName === '(idle)') return undefined;
  if (functionName === '(garbage collector)') return GARBAGE;
  if (functionName === '(program)') return OUTSIDE;
  if (url !== '') return ofUrl(url);
  const parent = parents.get(node.id);
  return parent ? (componentOf(parent, parents) ?? OTHER) : OTHER;
}

/** Name and module; of what is no function of ours or of a package, the component without them. */
function functionOf(node: ProfileNode, parents: ReadonlyMap<number, ProfileNode>): string | undefined {
  const { functionName, url } = node.callFrame;
  const parent = parents.get(node.id);
  if (url === '' && parent && !functionName.startsWith('(')) return functionOf(parent, parents);
  const module = OURS.exec(url)?.groups?.module ?? /.*\/node_modules\/(.+)\.[cm]?js$/.exec(url)?.[1];
  if (module === undefined) return componentOf(node, parents);
  return `${functionName === '' ? 'a function' : functionName} (${module})`;
}

function ofUrl(url: string): string {
  if (url.startsWith('node:')) return ofNode(url.slice('node:'.length));
  const path = decodeURIComponent(url);
  const inPackage = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
  if (inPackage !== undefined) return ofPackage(inPackage);
  const ours = OURS.exec(path)?.groups?.folder;
  return ours === undefined ? OTHER : `ours: ${ours}`;
}

function ofPackage(name: string): string {
  if (
    /^(?:leveldown|levelup|level|level-.*|abstract-level.*|classic-level|sublevel-pouchdb|deferred-leveldown|encoding-down|abstract-leveldown|napi-macros)$/.test(
      name,
    )
  ) {
    return 'LevelDB (leveldown and its wrappers)';
  }
  if (name.startsWith('pouchdb')) return 'PouchDB';
  if (/^(?:express|router|body-parser|finalhandler|send|serve-static|qs|helmet|accepts|type-is)$/.test(name)) {
    return 'Express and its parts';
  }
  return `package ${name}`;
}

function ofNode(module: string): string {
  if (/internal\/modules|internal\/bootstrap|internal\/vm|internal\/deps\/cjs/.test(module)) return START;
  if (/zlib/.test(module)) return 'Node: zlib';
  if (/crypto|hash/.test(module)) return 'Node: crypto';
  if (/buffer|string_decoder|encoding/.test(module)) return 'Node: buffers';
  if (/http|url/.test(module)) return 'Node: HTTP';
  if (/stream|net$|net\/|_tls/.test(module)) return 'Node: streams and sockets';
  if (/timers|task_queues|async|promises|events|domexception|abort/.test(module))
    return 'Node: timers, promises, events';
  if (/fs/.test(module)) return 'Node: files';
  return 'Node: the rest';
}

function sumOf(shares: readonly ComponentShare[]): { seconds: number; share: number } {
  return shares.reduce((sum, one) => ({ seconds: sum.seconds + one.seconds, share: sum.share + one.share }), {
    seconds: 0,
    share: 0,
  });
}
