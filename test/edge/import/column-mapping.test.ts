import { expect } from 'chai';
import { describe, it } from 'mocha';
import { parseColumnName, parseMapping, resolveColumns } from '../../../edge/import/column-mapping.js';
import { AppError } from '../../../shared/app-error.js';

const HEADER = ['', 'power [kW]', 'a=b', 'twice', 'twice', 'mode'];

function resolve(time: string, ...maps: string[]) {
  return resolveColumns(HEADER, parseColumnName(time), parseMapping(maps));
}

describe('the mapping of columns to fields', () => {
  it('finds columns by header, by position, and the one without a name', () => {
    for (const time of ['', '""', '#1']) expect(resolve(time, 'mode=mode').time).to.equal(0);
    const { fields, width } = resolve('', 'power [kW] = powerKw, a=b=x,#4=first', '#5=second', 'mode=mode:text');
    expect(fields.map(({ index, field, kind }) => [index, field, kind])).to.deep.equal([
      [1, 'powerKw', 'number'],
      [2, 'x', 'number'],
      [3, 'first', 'number'],
      [4, 'second', 'number'],
      [5, 'mode', 'text'],
    ]);
    expect(width).to.equal(6);
  });

  it('takes "state" as text unless told otherwise', () => {
    expect(parseMapping(['mode=state']).map(({ kind }) => kind)).to.deep.equal(['text']);
    expect(parseMapping(['mode=state:number']).map(({ kind }) => kind)).to.deep.equal(['number']);
  });

  it('refuses what it cannot mean with a sentence that names it', () => {
    const cases: [string[], string][] = [
      [['#1', ''], '--map is empty'],
      [['#1', 'mode'], '"mode" is not COLUMN=field'],
      [['#1', 'mode=state,'], 'is not COLUMN=field'],
      [['#1', 'mode='], 'the field ""'],
      [['#1', 'mode=Power'], '"Power" is not a measurement name'],
      [['#1', 'mode=__proto__'], 'the field "__proto__"'],
      [['#1', 'mode=seq'], '"seq" is set by the node'],
      [['#1', 'mode=at'], '"at" is given by --time'],
      [['#1', 'mode=device'], '"device" is given by --device'],
      [['#1', 'mode=x:float'], ':text or :number'],
      [['#1', 'mode=x', '#2=x'], 'the field "x" to more than one column'],
      [['#1', 'mode=x,#6=y'], '"mode" is given twice'],
      [['mode', 'mode=x'], '"mode" is given twice: by --time'],
      [['#1', 'twice=x'], 'more than one column is "twice"; name it by its position, #4 or #5'],
      [
        ['time', 'mode=x'],
        '--time: there is no column "time"; the file has #1 (unnamed), "power [kW]", "a=b", #4 ("twice")',
      ],
      [['#1', 'Mode=x'], '--map: there is no column "Mode"'],
      [['#7', 'mode=x'], 'there is no column #7'],
      [['#0', 'mode=x'], 'there is no column #0'],
      [['#1', Array.from({ length: 65 }, (_, n) => `c${n}=f${n}`).join()], '65 measurements'],
    ];
    for (const [[time = '', ...maps], sentence] of cases) {
      expect(() => resolve(time, ...maps), sentence)
        .to.throw(AppError, sentence)
        .with.property('code', 'usage');
    }
  });
});
