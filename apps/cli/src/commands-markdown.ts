import type { Command } from 'commander';

/** Every command with its arguments and options, for docs/cli.md. */
export function commandsMarkdown(program: Command): string {
  const shared = ['## All commands', program.description(), optionsOf(program)].join('\n\n');
  return `${[shared, ...leaves(program, '').map(([path, command]) => section(path, command))].join('\n\n')}\n`;
}

/** The commands that do something, with their whole names. */
function leaves(command: Command, path: string): [string, Command][] {
  if (command.commands.length === 0) return [[path, command]];
  return command.commands.flatMap((inner) => leaves(inner, `${path}${path === '' ? '' : ' '}${inner.name()}`));
}

function section(path: string, command: Command): string {
  const given = command.registeredArguments.map((one) => {
    const name = `${one.name()}${one.variadic ? '…' : ''}`;
    return one.required ? ` <${name}>` : ` [${name}]`;
  });
  const description = command.description();
  const sentence = `${description.charAt(0).toUpperCase()}${description.slice(1)}`;
  const parts = [`## \`qa-pms ${path}${given.join('')}\``, sentence.endsWith('.') ? sentence : `${sentence}.`];
  if (command.options.length > 0) parts.push(optionsOf(command));
  return parts.join('\n\n');
}

function optionsOf({ options }: Command): string {
  return options
    .map(({ flags, description, argChoices, defaultValue, mandatory }) => {
      const facts = [
        ...(mandatory ? ['required'] : []),
        ...(argChoices ? [argChoices.join(', ')] : []),
        ...(defaultValue !== undefined && typeof defaultValue !== 'boolean' ? [`default ${String(defaultValue)}`] : []),
      ];
      return `- \`${flags}\`: ${description}${facts.length > 0 ? ` (${facts.join('; ')})` : ''}`;
    })
    .join('\n');
}
