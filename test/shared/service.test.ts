import { expect } from 'chai';
import { describe, it } from 'mocha';
import { messageOf } from '../../shared/app-error.js';
import { type Service, ServiceGroup } from '../../shared/service.js';

describe('a group of services', () => {
  const log: string[] = [];

  function service(name: string, failing: 'start' | 'stop' | 'nothing' = 'nothing'): Service {
    const act = (what: 'start' | 'stop') => async () => {
      await Promise.resolve();
      log.push(`${what} ${name}`);
      if (failing === what) throw new Error(`${name} cannot ${what}`);
    };
    return { name, start: act('start'), stop: act('stop') };
  }

  const group = (...members: Service[]) => {
    log.length = 0;
    return new ServiceGroup('group', members);
  };

  it('starts in order and stops in reverse, each once however often it is asked', async () => {
    const services = group(service('a'), service('b'));
    await Promise.all([services.start(), services.start()]);
    await Promise.all([services.stop(), services.stop()]);
    expect(log).to.deep.equal(['start a', 'start b', 'stop b', 'stop a']);
    await services.start();
    expect(log.slice(4)).to.deep.equal(['start a', 'start b']);
  });

  it('stops what it has started when one fails to start, and tells that failure', async () => {
    const services = group(service('a', 'stop'), service('b'), service('c', 'start'), service('d'));
    expect(await services.start().then(() => 'started', messageOf)).to.equal('c cannot start');
    expect(log).to.deep.equal(['start a', 'start b', 'start c', 'stop b', 'stop a']);
  });

  it('stops all of them although one fails to, and tells the first failure', async () => {
    const services = group(service('a'), service('b', 'stop'), service('c', 'stop'));
    await services.start();
    expect(await services.stop().then(() => 'stopped', messageOf)).to.equal('c cannot stop');
    expect(log.slice(3)).to.deep.equal(['stop c', 'stop b', 'stop a']);
    await services.stop();
    expect(log).to.have.length(6);
  });
});
