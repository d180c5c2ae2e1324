import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { choice, decimal, flag, integer, origin, secret, text } from '../../shared/setting-schemas.js';
import { loadSettings, type SettingSources, type Settings } from '../../shared/settings.js';
import { useTempFolder } from '../support/temp-folder.js';

const DEFINITIONS = {
  PORT: { schema: integer(0, 65_535), default: '8080', help: 'port' },
  NAME: { schema: text, help: 'name' },
  TOKEN: { schema: secret, help: 'token', secret: true },
  CENTRE: { schema: origin, help: 'centre' },
} as const satisfies Settings;

function load(sources: Partial<SettingSources>): Record<string, unknown> {
  return loadSettings(DEFINITIONS, { flags: {}, env: {}, ...sources });
}

function failureOf(sources: Partial<SettingSources>): string {
  try {
    load(sources);
    return 'no failure';
  } catch (error) {
    expect(error).to.be.instanceOf(AppError).with.property('exitCode', 2);
    return (error as AppError).message;
  }
}

describe('settings', () => {
  const folder = useTempFolder();

  async function file(name: string, content: string): Promise<string> {
    const where = path.join(folder.path, name);
    await writeFile(where, content);
    return where;
  }

  it('come from the flag before the environment before the file before the default', async () => {
    const configFile = await file('config.json', '{"PORT": 3, "NAME": "from the file"}');
    const env = { PORT: '2', UNKNOWN_TO_US: 'x' };
    expect(load({ flags: { PORT: '1' }, env, configFile })).to.deep.equal({ PORT: 1, NAME: 'from the file' });
    expect(load({ env, configFile })).to.include({ PORT: 2 });
    expect(load({ env: { PORT: '' }, configFile })).to.include({ PORT: 3 });
    expect(load({})).to.deep.equal({ PORT: 8080 });
  });

  it('may stand in a file of their own, named by NAME_FILE wherever NAME could be given', async () => {
    const token = await file('token', 's3cr3t\n');
    const other = await file('other', 'other');
    const configFile = await file('config.json', JSON.stringify({ TOKEN_FILE: token }));
    expect(load({ configFile }).TOKEN).to.equal('s3cr3t');
    expect(load({ env: { TOKEN_FILE: other }, configFile }).TOKEN).to.equal('other');
    expect(load({ flags: { TOKEN_FILE: token }, env: { TOKEN: 'x' }, configFile }).TOKEN).to.equal('s3cr3t');
    expect(load({ flags: { TOKEN: 'y', TOKEN_FILE: token } }).TOKEN).to.equal('y');
    expect(failureOf({ env: { TOKEN_FILE: path.join(folder.path, 'none') } })).to.match(
      /^TOKEN_FILE names a file that cannot be read/,
    );
  });

  it('that are wrong are named as they were given, with the value unless it is secret', async () => {
    const configFile = await file('config.json', '{"PORT": "x"}');
    expect(failureOf({ flags: { PORT: '65536' } })).to.equal(
      '--port must be a whole number from 0 to 65535 (given: "65536")',
    );
    expect(failureOf({ env: { PORT: '-1' } })).to.match(/^PORT must be/);
    expect(failureOf({ configFile })).to.match(/^PORT in the configuration file must be/);
    expect(failureOf({ flags: { NAME: '' } })).to.match(/^--name must not be empty/);
    const bad = await file('bad', 's3cr3t with spaces');
    expect(failureOf({ env: { TOKEN: 's3cr3t with spaces' } }))
      .to.match(/^TOKEN must be/)
      .and.to.not.contain('s3cr3t');
    expect(failureOf({ env: { TOKEN_FILE: bad } }))
      .to.match(/^TOKEN_FILE must be/)
      .and.to.not.contain('s3cr3t');
  });

  it('show no credential of an address that is refused, however it is written', () => {
    for (const address of [
      'http://user:s3cr3t@centre',
      'http://user:s3cr3t@centre/path',
      'http://user:s3/cr3t-s3cr3t@centre',
      'http://user:s3@s3cr3t@centre',
      'user:s3cr3t@centre',
      'http://s3cr3t@',
    ]) {
      expect(failureOf({ env: { CENTRE: address } }), address)
        .to.match(/^CENTRE must be an origin/)
        .and.to.not.contain('s3cr3t');
    }
  });

  it('in a file must be known, single values in one JSON object', async () => {
    for (const [content, words] of [
      ['{"PROT": 1}', /has an unknown setting "PROT"/],
      ['{"__proto__": {"PORT": 1}}', /has an unknown setting "__proto__"/],
      ['{"port": 1}', /has an unknown setting "port"/],
      ['{"PORT": null}', /^PORT in the configuration file must be a text, a number or a boolean/],
      ['{"PORT": [1]}', /^PORT in the configuration file must be/],
      ['[]', /must hold one JSON object/],
      ['5', /must hold one JSON object/],
      ['{', /cannot be read as JSON/],
    ] as const) {
      expect(failureOf({ configFile: await file('config.json', content) })).to.match(words);
    }
  });
});

describe('values of settings', () => {
  it('are taken within their bounds and refused beyond', () => {
    const taken = (schema: { safeParse(given: string): { success: boolean } }, given: string) =>
      schema.safeParse(given).success;
    for (const given of ['0', '10', ' 7 ', '007']) expect(taken(integer(0, 10), given), given).to.equal(true);
    for (const given of ['-1', '11', '1.0', '1e1', '', ' ', 'x', '0x1', '١', 'NaN', '9'.repeat(400)]) {
      expect(taken(integer(0, 10), given), given).to.equal(false);
    }
    for (const given of ['0', '0.5', '.5', '1.', '1e0', '+1'])
      expect(taken(decimal(0, 1), given), given).to.equal(true);
    for (const given of ['-0.1', '1.1', '1e999', 'Infinity', '', '1,5', '.'])
      expect(taken(decimal(0, 1), given), given).to.equal(false);
    const wanted = (schema: z.ZodType) => schema.safeParse('x').error?.issues[0]?.message;
    expect([decimal(), decimal(0), decimal(undefined, 9), decimal(0, 9)].map(wanted)).to.deep.equal([
      'must be a number',
      'must be a number of 0 or more',
      'must be a number of 9 or less',
      'must be a number from 0 to 9',
    ]);
    expect([taken(decimal(), '-1e300'), taken(decimal(), '1e400')]).to.deep.equal([true, false]);
    expect([taken(choice(['a', 'b']), 'b'), taken(choice(['a', 'b']), 'c')]).to.deep.equal([true, false]);
    expect(['true', '1', 'YES', 'false', '0', 'no'].map((given) => flag.parse(given))).to.deep.equal([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(taken(flag, 'maybe')).to.equal(false);
    for (const given of ['http://a:1', 'https://a.b/', ' http://[::1]:5984 '])
      expect(taken(origin, given), given).to.equal(true);
    for (const given of ['a:1', 'ftp://a', 'http://a/b', 'http://a?b', 'http://a#b', 'http://u@a', '']) {
      expect(taken(origin, given), given).to.equal(false);
    }
  });
});
