import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import type { Command } from 'commander';
import { describe, it } from 'mocha';
import { EDGE_OPERATIONS } from '../../edge/api/openapi.js';
import { edgeProgram } from '../../edge/cli/program.js';
import { EDGE_SETTINGS } from '../../edge/config.js';
import { addConflicts } from '../../server/cli/conflicts.js';
import { addStart } from '../../server/cli/start.js';
import { addStatus } from '../../server/cli/status.js';
import { addVillageAdd } from '../../server/cli/village-add.js';
import { addVillageDisable } from '../../server/cli/village-disable.js';
import { addVillageList } from '../../server/cli/village-list.js';
import { addVillageRotate } from '../../server/cli/village-rotate.js';
import { SERVER_SETTINGS } from '../../server/config.js';
import { CENTRAL_OPERATIONS } from '../../server/openapi.js';
import { createProgram } from '../../shared/cli.js';
import { allPages, codeSpans, type Page, ROOT, shellBlocks, shellLines } from './markdown.js';
import { sources } from './sources.js';

/** Decisions tell of what was then; what the API's page says comes from the program itself. */
const PAGES = allPages().filter(({ file }) => !file.startsWith('docs/adr/') && file !== 'docs/api.md');
const SETTINGS = [...Object.keys(EDGE_SETTINGS), ...Object.keys(SERVER_SETTINGS)];

function centralProgram(): Command {
  const program = createProgram('solar-central', '', '');
  const village = program.command('village');
  for (const add of [addStart, addConflicts, addStatus]) add(program);
  for (const add of [addVillageAdd, addVillageDisable, addVillageList, addVillageRotate]) add(village);
  return program;
}

const PROGRAMS: Record<string, Command> = { 'solar-edge': edgeProgram(), 'solar-central': centralProgram() };

/** Commands and code spans of a page, the programs' files written as their names. */
function codeOf(page: Page): string[] {
  return [...codeSpans(page), ...shellLines(page)].map((code) =>
    code.replaceAll('node dist/edge/main.js', 'solar-edge').replaceAll('node dist/server/main.js', 'solar-central'),
  );
}

function flagsOf(command: Command): string[] {
  return [...command.options.flatMap(({ long }) => long ?? []), '--help', ...command.commands.flatMap(flagsOf)];
}

const ALL_FLAGS = new Set(Object.values(PROGRAMS).flatMap(flagsOf));

/** What is wrong with what follows a program's name, up to the end of the command. */
function faultOf(program: Command, words: readonly string[]): string | undefined {
  let command = program;
  let index = 0;
  for (; index < words.length && command.commands.length > 0; index++) {
    const word = words[index] ?? '';
    if (word.startsWith('-') || word === 'help') break;
    const verb = command.commands.find((one) => one.name() === word);
    if (!verb) return /^[a-z]/.test(word) ? `${command.name()} has no verb ${word}` : undefined;
    command = verb;
  }
  const known = new Set(flagsOf(command));
  const flag = words
    .slice(index)
    .map((word) => /^--[a-z][a-z-]*/.exec(word)?.[0])
    .find((one) => one !== undefined && !known.has(one));
  return flag === undefined ? undefined : `${command.name()} has no flag ${flag}`;
}

describe('What the documentation names in code', () => {
  it('are verbs and flags that the programs have', () => {
    const faults = PAGES.flatMap((page) =>
      codeOf(page).flatMap((code) =>
        [...code.matchAll(/(?<!-n|--namespace)(?:^|[\s"(])(solar-edge|solar-central) ([^|>&;"`)]+)/g)].flatMap(
          ([, name = '', rest = '']) => {
            const program = PROGRAMS[name];
            const fault = program && faultOf(program, rest.trim().split(/\s+/));
            return fault === undefined ? [] : [`${page.file}: ${code}: ${fault}`];
          },
        ),
      ),
    );
    expect(faults).to.deep.equal([]);
  });

  it('are flags that some verb has, where a flag stands alone', () => {
    const faults = PAGES.flatMap((page) =>
      codeSpans(page)
        .filter((code) => /^--[a-z]/.test(code))
        .map((code) => code.split(/[ =]/)[0] ?? '')
        .filter((flag) => !ALL_FLAGS.has(flag) && !FLAGS_OF_OTHERS.has(flag))
        .map((flag) => `${page.file}: ${flag}`),
    );
    expect(faults).to.deep.equal([]);
  });

  it('are commands that a shell can read', () => {
    const faults = allPages().flatMap((page) =>
      shellBlocks(page).flatMap((block) => {
        const { status, stderr } = spawnSync('bash', ['-n'], { input: block, encoding: 'utf8' });
        return status === 0 ? [] : [`${page.file}: ${stderr}`];
      }),
    );
    expect(faults).to.deep.equal([]);
  });

  it('are npm scripts of the package', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    const faults = PAGES.flatMap((page) =>
      codeOf(page).flatMap((code) =>
        [...code.matchAll(/\bnpm (?:run (?:--silent )?([\w:]+)|(test|start)\b)/g)]
          .map(([, run, own]) => run ?? own ?? '')
          .filter((script) => !Object.hasOwn(scripts, script))
          .map((script) => `${page.file}: ${script}`),
      ),
    );
    expect(faults).to.deep.equal([]);
  });

  it('are settings, or names that the sources know', () => {
    const known = new Set([...SETTINGS, ...SETTINGS.map((name) => `${name}_FILE`)]);
    const text = sources('edge', 'server', 'shared', 'sim', 'test', 'bench').filter(
      ({ file }) => !file.includes('test/docs/'),
    );
    const words = new Set(text.flatMap((one) => one.text.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g) ?? []));
    const faults = PAGES.flatMap((page) =>
      codeSpans(page)
        .flatMap((code) => code.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g) ?? [])
        .filter((name) => !known.has(name) && !words.has(name) && !OF_OTHERS.has(name))
        .map((name) => `${page.file}: ${name}`),
    );
    expect(faults).to.deep.equal([]);
  });

  it('are routes of the programs', () => {
    const described = [...EDGE_OPERATIONS, ...CENTRAL_OPERATIONS].map(({ path: route }) => route);
    // A stream of events has no operation in OpenAPI.
    const paths = [...described, '/v1/events'].map((route) => `^${shapeOf(route)}$`);
    const faults = PAGES.flatMap((page) =>
      codeSpans(page).flatMap((code) =>
        [...code.matchAll(/^(?:(?:GET|POST|PUT|DELETE) )?(\/(?:v1\/[\w/:.-]+|healthz|readyz|metrics|openapi\.json))/g)]
          .map(([, route = '']) => route.replace(/[/.]$/, ''))
          .filter((route) => !paths.some((known) => new RegExp(known).test(route)))
          .map((route) => `${page.file}: ${route}`),
      ),
    );
    expect(faults).to.deep.equal([]);
  });

  it('are files that are there', () => {
    const faults = PAGES.flatMap((page) =>
      [...codeSpans(page), ...shellLines(page).flatMap((line) => line.split(/\s+/))]
        .filter((code) => /^\.?\/?(?:edge|server|shared|sim|test|bench|k8s|docs|\.github)\/[\w./-]+$/.test(code))
        .filter((file) => !existsSync(path.join(ROOT, file)) && !MADE_BY_THE_READER.has(file))
        .map((file) => `${page.file}: ${file}`),
    );
    expect(faults).to.deep.equal([]);
  });

  it('are figures that the programs have', () => {
    const known = figureNames();
    const faults = PAGES.flatMap((page) =>
      codeSpans(page)
        .flatMap((code) => [...code.matchAll(/\bsolar_(?:edge|central)_([a-z0-9_]+)/g)])
        .map(([, name = '']) => name)
        .filter((name) => !known.some((one) => one.test(name)))
        .map((name) => `${page.file}: ${name}`),
    );
    expect(faults).to.deep.equal([]);
  });
});

/** What a page's commands make. */
const MADE_BY_THE_READER = new Set(['k8s/villages/kano']);

/** Of Node, of glibc, and what GitHub's workflows are given. */
const OF_OTHERS = new Set(['NODE_EXTRA_CA_CERTS', 'MALLOC_ARENA_MAX', 'NODE_OPTIONS']);

/** Of `npm run bench`, and what stands for any setting's. */
const FLAGS_OF_OTHERS = new Set(['--only', '--name-file']);

/** The names in the sources that may be figures'; what is filled in there may be anything here. */
function figureNames(): RegExp[] {
  const names = sources('edge', 'server', 'shared').flatMap(({ text }) =>
    [...text.matchAll(/['`](?:\$\{PREFIX\})?([a-z0-9]+_(?:[a-z0-9_]|\$\{\w+\})+)['`]/g)].map(([, name = '']) => name),
  );
  return [...new Set(names)].map((name) => new RegExp(`^${name.replace(/\$\{\w+\}/g, '[a-z0-9]+')}$`));
}

/** A route as an expression: any name may stand for a parameter. */
function shapeOf(route: string): string {
  return route.replace(/[.]/g, '\\.').replace(/:\w+/g, '[\\w:.-]+');
}
