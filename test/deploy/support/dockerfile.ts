/** A Dockerfile as its stages, with what each instruction says; arguments of the build are filled in. */
import { readFileSync } from 'node:fs';
import { DockerfileParser, type Instruction, type JSONInstruction } from 'dockerfile-ast';

export interface Copy {
  /** Name of the stage copied from; undefined for the build's own folder. */
  from: string | undefined;
  chown: string | undefined;
  sources: string[];
  destination: string;
}

export type Step =
  | ({ kind: 'copy' } & Copy)
  | { kind: 'run'; command: string }
  | { kind: 'workdir'; path: string }
  | { kind: 'other'; keyword: string; text: string };

export interface Stage {
  name: string;
  base: string;
  steps: Step[];
  env: Record<string, string>;
  /** As the last WORKDIR has it. */
  workdir: string;
  user: string | undefined;
  volumes: string[];
  labels: Record<string, string>;
  stopSignal: string | undefined;
  entrypoint: string[];
  command: string[];
  healthcheck: { flags: Record<string, string>; command: string[] } | undefined;
}

/** The stages of a Dockerfile in order; the last one is the image. */
export function readDockerfile(file: URL, args: Record<string, string>): Stage[] {
  const stages: Stage[] = [];
  const known: Record<string, string> = { ...args };
  for (const instruction of DockerfileParser.parse(readFileSync(file, 'utf8')).getInstructions()) {
    const keyword = instruction.getKeyword();
    const text = filled(argumentsOf(instruction), known);
    if (keyword === 'ARG') known[text.split('=')[0] ?? ''] ??= text.slice(text.indexOf('=') + 1);
    else if (keyword === 'FROM') stages.push(newStage(text));
    else addTo(stages.at(-1), keyword, text, instruction);
  }
  return stages;
}

function newStage(text: string): Stage {
  const [base = '', , name = ''] = text.split(/\s+/).filter((word) => !word.startsWith('--'));
  return {
    ...{ name, base, steps: [], env: {}, workdir: '/', user: undefined, volumes: [], labels: {} },
    ...{ stopSignal: undefined, entrypoint: [], command: [], healthcheck: undefined },
  };
}

function addTo(stage: Stage | undefined, keyword: string, text: string, instruction: Instruction): void {
  if (!stage) throw new Error(`${keyword} stands before the first FROM`);
  if (keyword === 'COPY') stage.steps.push({ kind: 'copy', ...copyOf(text) });
  else if (keyword === 'RUN') stage.steps.push({ kind: 'run', command: text });
  else if (keyword === 'WORKDIR') {
    stage.steps.push({ kind: 'workdir', path: text });
    stage.workdir = text;
  } else stage.steps.push({ kind: 'other', keyword, text });
  if (keyword === 'ENV') Object.assign(stage.env, pairsOf(text));
  else if (keyword === 'LABEL') Object.assign(stage.labels, pairsOf(text));
  else if (keyword === 'USER') stage.user = text;
  else if (keyword === 'VOLUME') stage.volumes = execForm(instruction);
  else if (keyword === 'STOPSIGNAL') stage.stopSignal = text;
  else if (keyword === 'ENTRYPOINT') stage.entrypoint = execForm(instruction);
  else if (keyword === 'CMD') stage.command = execForm(instruction);
  else if (keyword === 'HEALTHCHECK') stage.healthcheck = healthcheckOf(text);
}

function argumentsOf(instruction: Instruction): string {
  // Flags are no arguments to the parser.
  const whole = instruction.getTextContent().slice(instruction.getInstruction().length);
  return whole.replace(/\\\n\s*/g, ' ').trim();
}

/** Arguments of the build; in a RUN the shell would fill them in. */
function filled(text: string, known: Record<string, string>): string {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    return known[braced ?? bare ?? ''] ?? whole;
  });
}

function copyOf(text: string): Copy {
  const words = text.split(/\s+/);
  const flag = (name: string) => words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const paths = words.filter((word) => !word.startsWith('--'));
  return { from: flag('from'), chown: flag('chown'), sources: paths.slice(0, -1), destination: paths.at(-1) ?? '' };
}

function pairsOf(text: string): Record<string, string> {
  const pairs = text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g);
  return Object.fromEntries([...pairs].map(([, name = '', quoted, bare]) => [name, quoted ?? bare ?? '']));
}

/** Throws for the shell form, in which signals would end at a shell. */
function execForm(instruction: Instruction): string[] {
  const values = (instruction as JSONInstruction).getJSONStrings().map((one) => JSON.parse(one.getValue()) as string);
  if (values.length === 0) throw new Error(`${instruction.getKeyword()} is not in exec form`);
  return values;
}

function healthcheckOf(text: string): { flags: Record<string, string>; command: string[] } {
  const at = text.indexOf('CMD');
  const flags = [...text.slice(0, at).matchAll(/--([\w-]+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]);
  return { flags: Object.fromEntries(flags), command: JSON.parse(text.slice(at + 'CMD'.length)) as string[] };
}
