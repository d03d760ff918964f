import type { Command, Option } from 'commander';
import { CliError, EXIT_CODES } from './errors.js';

/** A command with what may follow it. */
interface Place {
  /** ` migrate run`; empty for the program itself. */
  path: string;
  commands: Command[];
  options: Option[];
}

const SHELLS: Record<string, (places: Place[]) => string> = { bash, zsh, fish };

/** The completion script of a shell, made from the commands themselves. */
export function completion(program: Command, shell: string): string {
  const make = SHELLS[shell];
  if (!make)
    throw new CliError(`${shell} is not known: choose of ${Object.keys(SHELLS).join(', ')}.`, EXIT_CODES.usage);
  return make(placesOf(program, program.options));
}

function placesOf(command: Command, shared: readonly Option[], path = ''): Place[] {
  const commands = [...command.commands];
  const options = path === '' ? [...shared] : [...command.options, ...shared];
  const own = { path, commands, options };
  return [own, ...commands.flatMap((inner) => placesOf(inner, shared, `${path} ${inner.name()}`))];
}

function flags({ short, long }: Option): string[] {
  return [long, short].filter((flag): flag is string => flag !== undefined);
}

/** What an option takes, with those that may be completed from a list. */
function choices(places: Place[]): { flags: string[]; values: readonly string[] }[] {
  const all = new Map(places.flatMap(({ options }) => options).map((option) => [option.flags, option]));
  return [...all.values()].flatMap((option) =>
    option.argChoices ? [{ flags: flags(option), values: option.argChoices }] : [],
  );
}

function bash(places: Place[]): string {
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  const values = choices(places).map((one) => `    ${one.flags.join('|')}) list='${one.values.join(' ')}' ;;`);
  const lists = places.map(({ path, commands, options }) => {
    const words = [...commands.map((command) => command.name()), ...options.flatMap(flags)];
    return `      '${path}') list='${words.join(' ')}' ;;`;
  });
  return `# qa-pms completion bash
_qa_pms() {
  local at='' word list='' index
  for ((index = 1; index < COMP_CWORD; index += 1)); do
    word="\${COMP_WORDS[index]}"
    case "$at $word" in ${paths.join('|')}) at="$at $word" ;; esac
  done
  case "\${COMP_WORDS[COMP_CWORD - 1]}" in
${values.join('\n')}
    -c|--config) return ;;
    *) case "$at" in
${lists.join('\n')}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$list" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _qa_pms qa-pms
`;
}

function zsh(places: Place[]): string {
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  const values = choices(places).map(
    (one) => `    (${one.flags.join('|')}) compadd -- ${one.values.join(' ')}; return ;;`,
  );
  const lists = places.map(({ path, commands, options }) => {
    const words = [
      ...commands.map((command) => described(command.name(), command.description())),
      ...options.flatMap((option) => flags(option).map((flag) => described(flag, option.description))),
    ];
    return `    ('${path}') choices=(${words.join(' ')}) ;;`;
  });
  return `#compdef qa-pms
# qa-pms completion zsh
_qa_pms() {
  local at='' word
  local -a choices
  for word in \${words[2,CURRENT-1]}; do
    case "$at $word" in (${paths.join('|')}) at="$at $word" ;; esac
  done
  case "\${words[CURRENT-1]}" in
${values.join('\n')}
    (-c|--config) _files; return ;;
  esac
  case "$at" in
${lists.join('\n')}
  esac
  _describe qa-pms choices || _files
}
compdef _qa_pms qa-pms
`;
}

function fish(places: Place[]): string {
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  const lines = places.flatMap(({ path, commands, options }) => {
    const at = `complete -c qa-pms -n "__qa_pms_at '${path}'"`;
    return [
      ...commands.map((command) => `${at} -f -a ${command.name()} -d ${quoted(command.description())}`),
      ...options.map((option) => {
        const long = option.long === undefined ? '' : ` -l ${option.long.slice(2)}`;
        const short = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`;
        const values = option.argChoices
          ? ` -x -a ${quoted(option.argChoices.join(' '))}`
          : option.required
            ? ' -r'
            : '';
        return `${at}${long}${short}${values} -d ${quoted(option.description)}`;
      }),
    ];
  });
  return `# qa-pms completion fish
function __qa_pms_at
  set -l at ''
  set -l words (commandline -opc)
  for word in $words[2..]
    contains -- "$at $word" ${paths.join(' ')}; and set at "$at $word"
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}
`;
}

function described(word: string, description: string): string {
  return quoted(`${word.replaceAll(':', '\\:')}:${description}`);
}

/** Single quotes, for all three shells: one within becomes a typographic one. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '’').replaceAll('\\', '')}'`;
}
