import { Command, CommanderError, Option } from 'commander';
import { knownSettings, settingsHelp, settingsJsonSchema } from '@qa-pms/platform/reference';
import { CliError, EXIT_CODES } from './errors.js';

/** `qa-pms`. What a command needs is loaded when it runs: the help is to be there at once. */
export async function main(argv: string[]): Promise<void> {
  const program = new Command('qa-pms')
    .description('QA Intelligent PMS: run it, and look after it.')
    .version('0.1.0')
    .option('-c, --config <file>', 'configuration file (default: CONFIG_FILE, else ./qa-pms.yaml where it exists)')
    .exitOverride()
    .showHelpAfterError()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong usage, 69 something needed cannot be reached, 78 wrong configuration.',
    );

  const config = (): string | null => program.opts<{ config?: string }>().config ?? null;

  program
    .command('serve', { isDefault: true })
    .description('Start everything (or what TARGET names) in this process.')
    .option('--port <port>', 'port of the gateway (default: PORT, else 3000)')
    .action(async (options: { port?: string }) => (await import('./serve.js')).serve(options, config()))
    .addHelpText('after', () => `\n${settingsHelp(knownSettings())}`);

  const migrate = program.command('migrate').description('Bring the tables of all services up to date.');
  for (const [name, description] of [
    ['run', 'apply what is pending'],
    ['status', 'list what is applied and what is pending'],
    ['revert', 'take back the last migration of one service'],
  ] as const) {
    const one = migrate.command(name).description(description);
    if (name === 'revert') one.requiredOption('--service <name>', 'whose migration');
    one.action(async (options: { service?: string }) =>
      (await import('./migrate.js')).migrate(name, options.service ?? null, config()),
    );
  }

  const topics = program.command('topics').description("Kafka's topics.");
  topics
    .command('create')
    .description('make the topics that are missing')
    .action(async () => (await import('./topics.js')).createTopics(config()));
  topics
    .command('list')
    .description('list our topics')
    .action(async () => (await import('./topics.js')).listTopics(config()));

  program
    .command('token')
    .description('Print an access token for scripts.')
    .option('--url <url>', 'address of the gateway', 'http://127.0.0.1:3000')
    .option('-u, --username <name>', 'user name', 'qa')
    .addOption(new Option('--password <password>', 'password; default: that of the demo user').env('QA_PMS_PASSWORD'))
    .action(async (options: { url: string; username: string; password?: string }) =>
      (await import('./token.js')).printToken(options, config()),
    );

  program
    .command('user')
    .description('Users.')
    .command('create <username>')
    .description('make a user; the password is read from standard input')
    .option('--name <name>', 'name to show')
    .option('--email <address>', 'e-mail address')
    .option('--role <role...>', 'roles of the installation', ['admin'])
    .action(async (username: string, options: { name?: string; email?: string; role: string[] }) =>
      (await import('./user.js')).createUser(username, options, config()),
    );

  program
    .command('seed')
    .description('Data to try the product with.')
    .command('demo')
    .description('make the demo users and projects that are missing (services must be running over Kafka)')
    .action(async () => (await import('./seed.js')).seedDemo(config()));

  const configuration = program.command('config').description('Configuration.');
  configuration
    .command('validate')
    .description('check the file and the environment for every service, and name all that is wrong')
    .action(async () => (await import('./config.js')).validate(config()));
  configuration
    .command('show')
    .description('every setting with its value and where that comes from; secrets are masked')
    .addOption(new Option('-o, --output <form>', 'how').choices(['text', 'json', 'yaml']).default('text'))
    .action(async (options: { output: 'text' | 'json' | 'yaml' }) =>
      (await import('./config.js')).show(options.output, config()),
    );
  configuration
    .command('schema')
    .description('print a JSON Schema of the file, for editors')
    .action(() => {
      process.stdout.write(`${JSON.stringify(settingsJsonSchema(knownSettings()), null, 2)}\n`);
    });
  configuration
    .command('generate-key')
    .description('print a new master key (256 bits, hex)')
    .action(async () => {
      const { randomBytes } = await import('node:crypto');
      process.stdout.write(`${randomBytes(32).toString('hex')}\n`);
    });
  configuration
    .command('encrypt <key>')
    .description('encrypt a secret for this key (jira.api_token); it is read from standard input')
    .action(async (key: string) => (await import('./config.js')).encrypt(key, config()));

  program
    .command('keys')
    .description('Master keys.')
    .command('rotate')
    .description(
      'encrypt the secrets of the configuration file anew with ENCRYPTION_KEY; ENCRYPTION_PREVIOUS_KEYS opens them',
    )
    .action(async () => (await import('./config.js')).rotate(config()));

  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage);
    const { message, exitCode } = CliError.from(error);
    process.stderr.write(`qa-pms: ${message}\n`);
    process.exit(exitCode);
  }
}
