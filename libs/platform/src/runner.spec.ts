import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { Configuration } from './configuration/configuration.js';
import { SettingsError } from './configuration/settings-error.js';
import { explainListen, startServices } from './runner.js';
import { defineService } from './service.js';

@Module({})
class DoorModule {}

const door = defineService({ name: 'gateway', module: DoorModule, settings: [] });

async function refusal(environment: Record<string, string>): Promise<unknown> {
  const given = { ENCRYPTION_KEY: '00'.repeat(32), LOG_LEVEL: 'silent', ...environment };
  const configuration = Configuration.fromEnvironment(given);
  return startServices([door], { configuration }).then(
    ({ stop }) => stop('test'),
    (error: unknown) => error,
  );
}

describe('a start that cannot listen', () => {
  it('says of a port that is taken what to do', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };

    const error = await refusal({ PORT: String(port) });
    other.close();

    expect(error).toMatchObject({
      code: 'EADDRINUSE',
      message: `Port ${String(port)} is taken: stop what uses it, or choose another in port (PORT).`,
    });
  });

  it.each([
    ['203.0.113.5', 'is no address of this machine, nor a name of one: look at host (HOST).'],
    ['not.a.host.invalid', 'is no address of this machine, nor a name of one: look at host (HOST).'],
    ['not an address', 'is no address of this machine, nor a name of one: look at host (HOST).'],
  ])('says of the host %s that the setting is wrong', async (host, problem) => {
    const error = await refusal({ HOST: host, PORT: '0' });

    expect(error).toBeInstanceOf(SettingsError);
    expect((error as Error).message).toContain(`${host}: ${problem}`);
  });

  it('says of a port that its user may not open that the setting is wrong', () => {
    const error = explainListen(Object.assign(new Error('listen'), { code: 'EACCES' }), { host: '::', port: 80 });

    expect(error).toBeInstanceOf(SettingsError);
    expect((error as Error).message).toContain('Port 80: may not be opened by this user: choose one from 1024 on');
  });

  it('passes on what it does not know', () => {
    const error = Object.assign(new Error('listen'), { code: 'EMFILE' });

    expect(explainListen(error, { host: '::', port: 80 })).toBe(error);
  });
});
