/** `docs/settings.md`, written from the programs' own definitions of their settings; a test holds the two together. */
import { EDGE_SETTINGS } from '../../edge/config.js';
import { SERVER_SETTINGS } from '../../server/config.js';
import { flagOf, type Settings } from '../../shared/settings.js';

/** Where the file lies, from this compiled module. */
export const SETTINGS_FILE = new URL('../../../docs/settings.md', import.meta.url);

const INTRODUCTION = `# Settings

Written from the programs' own definitions by \`node dist/test/k8s/write-settings-docs.js\`; a test fails when they differ.

Every setting is an environment variable, a flag and a key of the JSON file that \`--config\` names; the strongest is the
flag, then the environment, the file, the default. An empty environment variable counts as not set. \`NAME_FILE\` (or
\`--name-file\`) reads the value from a file: in Kubernetes the secrets (marked **secret**) come that way. All are checked
once, at the start; a wrong one ends the program with exit code 2 and a sentence that names it. A change takes effect with
the next start. What the manifests set stands in \`k8s/base/edge/settings.env\` and \`k8s/base/server/settings.env\`.
`;

export function settingsMarkdown(): string {
  return [
    INTRODUCTION,
    section('solar-edge', 'of the node of a village, and of the verbs that speak to it', EDGE_SETTINGS),
    section('solar-central', 'of the centre', SERVER_SETTINGS),
  ].join('\n');
}

function section(program: string, whose: string, settings: Settings): string {
  const rows = Object.entries(settings).map(([name, setting]) => {
    const shown = setting.default === undefined ? '–' : `\`${setting.default}\``;
    const meaning = `${setting.secret ? '**secret**: ' : ''}${setting.help}`.replaceAll('|', '\\|');
    return `| \`${name}\` | \`${flagOf(name)}\` | ${shown} | ${meaning} |`;
  });
  const head = ['| setting | flag | default | meaning |', '| --- | --- | --- | --- |'];
  return [`## ${program}`, '', `Settings ${whose}.`, '', ...head, ...rows, ''].join('\n');
}
