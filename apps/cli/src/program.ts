import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT_HELP } from './errors.js';
import { type Context, Output, OUTPUT_FORMS, type OutputForm } from './output.js';

interface GlobalOptions {
  config?: string;
  output: OutputForm;
  color: boolean;
}

/** `qa-pms` with all its commands. What a command needs is loaded when it runs: the help is to be there at once. */
export function createProgram(): Command {
  const program = new Command('qa-pms')
    .description('QA Intelligent PMS: run it, and look after it.')
    .version('0.1.0')
    .option('-c, --config <file>', 'configuration file (default: CONFIG_FILE, else ./qa-pms.yaml where it exists)')
    .addOption(new Option('-o, --output <form>', 'how to answer').choices(OUTPUT_FORMS).default('text'))
    .option('--no-color', 'no colours (NO_COLOR does the same)')
    .exitOverride()
    .showHelpAfterError()
    .addHelpText('after', `\n${EXIT_HELP}`);

  /** The command's options and arguments come as commander gives them; what all commands share comes last. */
  const run =
    <A extends unknown[]>(work: (context: Context, ...given: A) => Promise<void>) =>
    (...given: A): Promise<void> => {
      const { config, output, color } = program.opts<GlobalOptions>();
      return work({ file: config ?? null, output: new Output(output, color) }, ...given);
    };

  program
    .command('serve', { isDefault: true })
    .description('Start everything (or what TARGET names) in this process.')
    .option('--port <port>', 'port of the gateway (default: PORT, else 3000)')
    .action(run(async (context, options: { port?: string }) => (await import('./serve.js')).serve(options, context)));

  operations(program, run);
  data(program, run);
  access(program, run);
  configuration(program, run);

  program
    .command('completion <shell>')
    .description('Print the completion script of a shell: bash, zsh or fish.')
    .action(
      run(async (_context, shell: string) => {
        process.stdout.write((await import('./completion.js')).completion(program, shell));
      }),
    )
    .addHelpText('after', '\nIn ~/.bashrc: source <(qa-pms completion bash). The others: docs/cli.md.');
  return program;
}

type Run = <A extends unknown[]>(
  work: (context: Context, ...given: A) => Promise<void>,
) => (...given: A) => Promise<void>;

function operations(program: Command, run: Run): void {
  const migrate = program.command('migrate').description('The tables of all services.');
  for (const [name, description] of [
    ['run', 'apply what is pending'],
    ['status', 'list what is applied and what is pending'],
    ['revert', 'take back the last migration of one service'],
  ] as const) {
    const one = migrate.command(name).description(description);
    if (name === 'revert') one.requiredOption('--service <name>', 'whose migration');
    else one.option('--service <name>', 'of this service only');
    if (name !== 'status') one.option('--dry-run', 'do it in a transaction that is rolled back, and show the SQL');
    one.action(
      run(async (context, options: { service?: string; dryRun?: boolean }) =>
        (await import('./migrate.js')).migrate(name, options, context),
      ),
    );
  }

  const topics = program.command('topics').description("Kafka's topics.");
  topics
    .command('create')
    .description('make the topics that are missing')
    .action(run(async (context) => (await import('./topics.js')).createTopics(context)));
  topics
    .command('list')
    .description('list our topics')
    .action(run(async (context) => (await import('./topics.js')).listTopics(context)));

  const letters = program.command('dead-letters').description('Messages that their consumers could not handle.');
  letters
    .command('list')
    .description('list them, the oldest 1000 of each service')
    .option('--service <name>', 'of this service only')
    .action(
      run(async (context, options: { service?: string }) =>
        (await import('./dead-letters.js')).listDeadLetters(options, context),
      ),
    );
  letters
    .command('show <id>')
    .description('show one with its content')
    .action(run(async (context, id: string) => (await import('./dead-letters.js')).showDeadLetter(id, context)));
  letters
    .command('replay [id]')
    .description('give it to its handler again, with all of its key in their order; the service must be running')
    .option('--all', 'all of them')
    .option('--service <name>', 'with --all: of this service only')
    .option('--wait <seconds>', 'how long the service may take for a message', seconds, 30)
    .action(
      run(async (context, id: string | undefined, options: { all?: boolean; service?: string; wait: number }) =>
        (await import('./dead-letters.js')).replayDeadLetters(id, options, context),
      ),
    );
  letters
    .command('drop <id...>')
    .description('remove them for good')
    .action(run(async (context, ids: string[]) => (await import('./dead-letters.js')).dropDeadLetters(ids, context)));

  program
    .command('audit')
    .description('Whether what must hold does.')
    .command('isolation')
    .description('try to reach rows of one project from another, in every table; exit code 1 where that succeeds')
    .action(run(async (context) => (await import('./audit.js')).auditIsolation(context)));

  program
    .command('health')
    .description('Ask a running service how it is; exit code 1 where it is not ready.')
    .option('--url <url>', 'address of the service', webAddress, 'http://127.0.0.1:3000')
    .option('--integration', 'ask the integrations of the configuration as well')
    .action(
      run(async (context, options: { url: string; integration?: boolean }) =>
        (await import('./health.js')).health(options, context),
      ),
    );
  program
    .command('doctor')
    .description('Check the installation from the outside in, and name a remedy for all that is wrong.')
    .option('--url <url>', 'address of the gateway (default: that of the configuration)', webAddress)
    .action(
      run(async (context, options: { url?: string }) => (await import('./doctor/doctor.js')).doctor(options, context)),
    );
}

function data(program: Command, run: Run): void {
  program
    .command('backup [file]')
    .description('Write the data of all services to a file, while they run.')
    .option('--with-secrets', 'with the master key and the passwords of the demonstration')
    .option('--force', 'replace the file where it exists')
    .action(
      run(async (context, file: string | undefined, options: { force?: boolean; withSecrets?: boolean }) =>
        (await import('./backup.js')).backup(file, options, context),
      ),
    );
  program
    .command('restore <file>')
    .description('Load a backup into a database that is empty; the services must not be running.')
    .option('--force', 'remove the data that is there')
    .action(
      run(async (context, file: string, options: { force?: boolean }) =>
        (await import('./restore.js')).restore(file, options, context),
      ),
    );
  program
    .command('seed')
    .description('Data to try the product with.')
    .command('demo')
    .description('make the demo users and projects that are missing')
    .action(run(async (context) => (await import('./seed.js')).seedDemo(context)));
}

function access(program: Command, run: Run): void {
  program
    .command('token')
    .description('Print an access token for scripts.')
    .option('--url <url>', 'address of the gateway', webAddress, 'http://127.0.0.1:3000')
    .option('-u, --username <name>', 'user name', 'qa')
    .addOption(new Option('--password <password>', 'password; default: that of the demo user').env('QA_PMS_PASSWORD'))
    .action(
      run(async (context, options: { url: string; username: string; password?: string }) =>
        (await import('./token.js')).printToken(options, context),
      ),
    );
  program
    .command('user')
    .description('Users.')
    .command('create <username>')
    .description('make a user; the password is read from standard input')
    .option('--name <name>', 'name to show')
    .option('--email <address>', 'e-mail address')
    .option('--role <role...>', 'roles of the installation', ['admin'])
    .action(
      run(async (context, username: string, options: { name?: string; email?: string; role: string[] }) =>
        (await import('./user.js')).createUser(username, options, context),
      ),
    );
}

function configuration(program: Command, run: Run): void {
  const config = program.command('config').description('Configuration.');
  config
    .command('validate')
    .description('check the file and the environment for every service, and name all that is wrong')
    .action(run(async (context) => (await import('./config.js')).validate(context)));
  config
    .command('show')
    .description('every setting with its value and where that comes from; secrets are masked')
    .action(run(async (context) => (await import('./config.js')).show(context)));
  config
    .command('schema')
    .description('print a JSON Schema of the file, for editors')
    .action(run(async (context) => (await import('./config.js')).schema(context)));
  config
    .command('generate-key')
    .description('print a new master key (256 bits, hex)')
    .action(
      run(async ({ output }) => {
        const { randomBytes } = await import('node:crypto');
        const key = randomBytes(32).toString('hex');
        await output.print({ key }, () => key);
      }),
    );
  config
    .command('encrypt <key>')
    .description('encrypt a secret for this key (jira.api_token); it is read from standard input')
    .action(run(async (context, key: string) => (await import('./config.js')).encrypt(key, context)));

  program
    .command('keys')
    .description('Master keys.')
    .command('rotate')
    .description(
      'encrypt the secrets of the configuration file anew with ENCRYPTION_KEY; ENCRYPTION_PREVIOUS_KEYS opens them',
    )
    .action(run(async (context) => (await import('./config.js')).rotate(context)));
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError('It is a number of seconds.');
  return value;
}

/** Without the slashes at its end: paths are put behind it. */
function webAddress(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('It is an address like http://127.0.0.1:3000.');
  return text.replace(/\/+$/, '');
}
