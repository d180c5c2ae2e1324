import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createProgress } from '../../../edge/cli/progress.js';

function terminal(isTTY: boolean): { stream: PassThrough & { isTTY: boolean; columns: number }; text: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 100 });
  let written = '';
  stream.on('data', (chunk: Buffer) => {
    written += chunk.toString('utf8');
  });
  return { stream, text: () => written };
}

const STEP = { done: 25, total: 100, note: '25 sent, 75 pending', event: { event: 'progress', sent: 25 } };

describe('progress', () => {
  it('is a bar on a terminal, and follows a total that grows', () => {
    const { stream, text } = terminal(true);
    const progress = createProgress({ json: false, label: 'sending {x}', stream });
    progress.update(STEP);
    expect(text()).to.contain('sending x [').and.to.contain('25%  25 sent, 75 pending');
    progress.update({ ...STEP, done: 50, total: 500, note: 'more' });
    progress.stop();
    progress.stop();
    expect(text()).to.contain('10%  more');
    expect(stream.listenerCount('data')).to.equal(1);
  });

  it('shows a finished bar for nothing to do', () => {
    const { stream, text } = terminal(true);
    const progress = createProgress({ json: false, label: 'sending', stream });
    progress.update({ ...STEP, done: 0, total: 0 });
    progress.stop();
    expect(text()).to.contain('100%');
  });

  it('is nothing where nobody watches', () => {
    const { stream, text } = terminal(false);
    const progress = createProgress({ json: false, label: 'sending', stream });
    progress.update(STEP);
    progress.stop();
    expect(text()).to.equal('');
  });

  it('is one JSON line per step when asked for, on a terminal too', () => {
    const { stream, text } = terminal(true);
    const lines: string[] = [];
    const progress = createProgress({ json: true, label: 'sending', stream, printLine: (line) => lines.push(line) });
    progress.update(STEP);
    progress.stop();
    expect(lines).to.deep.equal(['{"event":"progress","sent":25}']);
    expect(text()).to.equal('');
  });
});
